/* What an engine is given: its entropy, and a generator that is ready. */
#include "tls/profile.h"

#include "tap.h"

static void test_entropy(struct tls_profile *p)
{
    static br_ssl_server_context servers[2];
    uint8_t drawn[2][32], zero[32] = {0};

    for (size_t i = 0; i < 2; i++) {
        br_ssl_engine_context *eng = &servers[i].eng;

        br_ssl_server_zero(&servers[i]);
        tls_profile_apply(p, eng);
        ok(eng->rng_init_done == 2, "the engine's generator is seeded");
        ok(eng->rng_os_rand_done, "and the engine looks for no other source");
        br_hmac_drbg_generate(&eng->rng, drawn[i], sizeof drawn[i]);
    }
    ok(memcmp(drawn[0], drawn[1], 32) != 0 && memcmp(drawn[0], zero, 32) != 0,
       "two engines draw different bytes");
}

int main(void)
{
    static struct tls_profile profile, other;
    uint8_t a[32], b[32];

    if (!ok(tls_profile_init(&profile, NULL) && tls_profile_init(&other, NULL), "start"))
        return done_testing();
    test_entropy(&profile);
    tls_profile_random(&profile, a, sizeof a);
    tls_profile_random(&other, b, sizeof b);
    ok(memcmp(a, b, sizeof a) != 0, "two profiles draw different bytes, too");
    for (int i = 0; i < 1000; i++)
        if (tls_profile_random_below(&profile, 3) > 2)
            ok(false, "a number below 3");
    tls_profile_fini(&profile);
    tls_profile_fini(&other);
    return done_testing();
}
