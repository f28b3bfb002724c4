/* Trust keys: what makes two requests the same, and what must never let two meet. */
#include "trust/key.h"

#include "tap.h"

struct request {
    const char *method, *target, *authorization, *api_key, *body;
};

static void compute(const struct key_policy *p, const struct request *r, uint8_t out[KEY_SIZE])
{
    static struct http_head head;

    memset(&head, 0, sizeof head);
    head.method = slice_of(r->method);
    if (r->authorization)
        head.fields[head.field_count++] =
            (struct http_field){SLICE("Authorization"), slice_of(r->authorization)};
    if (r->api_key)
        head.fields[head.field_count++] =
            (struct http_field){SLICE("X-API-Key"), slice_of(r->api_key)};
    key_compute(p, &head, slice_of(r->target), (struct slice){0}, slice_of(r->body), out);
}

static bool same(const struct key_policy *p, struct request a, struct request b)
{
    uint8_t ka[KEY_SIZE], kb[KEY_SIZE];

    compute(p, &a, ka);
    compute(p, &b, kb);
    return memcmp(ka, kb, KEY_SIZE) == 0;
}

static bool init(struct key_policy *p, struct config_list *list)
{
    return key_policy_init(p, list);
}

int main(void)
{
    struct config_list none = {.count = 0};
    struct config_list no_body = {{"method", "target", "credential"}, 3};
    struct config_list member = {{"method", "target", "credential", "json:license.id"}, 4};
    struct config_list two = {{"json:a", "json:b"}, 2};
    struct config_list both = {{"body", "json:a"}, 2};
    struct config_list unknown = {{"methods"}, 1};
    struct config_list empty_name = {{"json:"}, 1};
    struct request r = {"POST", "/v1", "Token a", NULL, "{\"license\":{\"id\":1},\"nonce\":1}"};
    struct request other;
    struct key_policy p;

    ok(init(&p, &none), "an empty list is the default");
    ok(same(&p, r, r), "the same request has the same key");
    other = r;
    other.method = "PUT";
    ok(!same(&p, r, other), "the method counts");
    other = r;
    other.target = "/v1?a";
    ok(!same(&p, r, other), "the query counts");
    other = r;
    other.authorization = "Token b";
    ok(!same(&p, r, other), "the credential counts");
    other.authorization = NULL;
    ok(!same(&p, r, other), "and whether there is one");
    other = r;
    other.authorization = NULL;
    other.api_key = "Token a";
    ok(!same(&p, r, other), "an X-API-Key is not the same as an Authorization");
    other = r;
    other.api_key = "x";
    ok(!same(&p, r, other), "an X-API-Key counts");
    other = r;
    other.body = "{\"license\":{\"id\":1},\"nonce\":2}";
    ok(!same(&p, r, other), "the whole body counts");

    /* Bytes moved over the border of two parts must not give the same key. */
    ok(!same(&p, (struct request){"POST", "/ab", NULL, NULL, "c"},
             (struct request){"POST", "/a", NULL, NULL, "bc"}),
       "target and body can't run into each other");
    ok(!same(&p, (struct request){"POST", "/", "a", NULL, ""},
             (struct request){"POST", "/a", NULL, NULL, ""}),
       "nor target and credential");

    ok(init(&p, &no_body), "the body can be left out");
    ok(same(&p, r, other), "then it does not count");

    ok(init(&p, &member), "a member of the body can be named");
    ok(same(&p, r, other), "then the rest of the body does not count");
    other.body = "{\"license\":{\"id\":2},\"nonce\":1}";
    ok(!same(&p, r, other), "but the member does");
    other.body = "{\"license\":{\"id\":\"1\"}}";
    ok(!same(&p, r, other), "and its type");
    ok(!same(&p, (struct request){"POST", "/", NULL, NULL, "{\"nonce\":1}"},
             (struct request){"POST", "/", NULL, NULL, "{\"nonce\":2}"}),
       "without the member the whole body counts");
    ok(!same(&p, (struct request){"POST", "/", NULL, NULL, "not json 1"},
             (struct request){"POST", "/", NULL, NULL, "not json 2"}),
       "and when it is no JSON");

    ok(init(&p, &two), "several members");
    ok(!same(&p, (struct request){"POST", "/", NULL, NULL, "{\"a\":1,\"b\":2}"},
             (struct request){"POST", "/", NULL, NULL, "{\"a\":2,\"b\":1}"}),
       "don't change places");
    ok(!init(&p, &both), "the body and a member of it together are refused");
    ok(!init(&p, &unknown), "an unknown part is refused");
    ok(!init(&p, &empty_name), "a member without a name is refused");
    return done_testing();
}
