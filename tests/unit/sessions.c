#include "tls/sessions.h"

#include "tap.h"

/* A session whose ID and secret tell its number. */
static br_ssl_session_parameters session(unsigned number)
{
    br_ssl_session_parameters p = {.session_id_len = 32, .version = BR_TLS12, .cipher_suite = 7};

    memset(p.session_id, (int)(number % 251), sizeof p.session_id);
    p.session_id[0] = (unsigned char)(number >> 8);
    p.session_id[1] = (unsigned char)number;
    p.master_secret[47] = (unsigned char)(number * 7);
    return p;
}

static bool is_kept(const struct sessions *s, unsigned number, int64_t now_ms)
{
    br_ssl_session_parameters wanted = session(number), found = {.session_id_len = 32};

    memcpy(found.session_id, wanted.session_id, sizeof found.session_id);
    return sessions_load(s, &found, now_ms) && found.cipher_suite == wanted.cipher_suite &&
           memcmp(found.master_secret, wanted.master_secret, sizeof found.master_secret) == 0;
}

int main(void)
{
    struct sessions s = {NULL};
    br_ssl_session_parameters p = session(1);
    unsigned kept = 0;

    ok(!sessions_load(&s, &p, 0), "nothing is kept at first");
    sessions_save(&s, &p, 1000);
    ok(is_kept(&s, 1, 1000), "a session is kept");
    ok(is_kept(&s, 1, 1000 + LIMIT_SESSION_MS), "... for its time");
    ok(!is_kept(&s, 1, 1001 + LIMIT_SESSION_MS), "... and no longer");
    ok(!is_kept(&s, 2, 1000), "another is not");
    ok(!is_kept(&s, 0, 0), "an ID of zeros finds no empty place");
    for (size_t i = 0; i < sizeof p.session_id; i++) {
        p = session(1);
        p.session_id[i] ^= 0x80;
        if (sessions_load(&s, &p, 1000))
            break;
        kept++;
    }
    is_int(kept, sizeof p.session_id, "all of the ID counts");
    kept = 0;
    for (unsigned i = 0; i < LIMIT_SESSIONS; i++) {
        p = session(i);
        sessions_save(&s, &p, 2000);
    }
    for (unsigned i = 0; i < LIMIT_SESSIONS; i++)
        kept += is_kept(&s, i, 2000);
    is_int(kept, LIMIT_SESSIONS, "as many as there is room for");
    p = session(LIMIT_SESSIONS + 5);
    sessions_save(&s, &p, 2000);
    ok(is_kept(&s, LIMIT_SESSIONS + 5, 2000) && !is_kept(&s, 5, 2000), "one more takes a place");
    sessions_fini(&s);
    ok(!s.slots && !is_kept(&s, 6, 2000), "nothing is left");
    return done_testing();
}
