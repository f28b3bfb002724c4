/*
 * Under which key an answer is stored: a SHA-256 over a length-prefixed encoding of the parts of
 * the request, so that two different requests can't be made to meet.
 */
#ifndef TRUST_KEY_H
#define TRUST_KEY_H

#include "base/config.h"
#include "format/http_parse.h"

#include <bearssl.h>

#define KEY_SIZE 32

struct key_policy {
    bool method, target, credential, body;
    struct slice members[LIMIT_KEY_PARTS]; /* borrowed from the configuration: JSON member paths */
    size_t member_count;
    const br_hash_class *sha256;
};

/*
 * From [trust] key: "method", "target", "credential", "body", or "json:NAME[.NAME...]" for a member
 * of the request's body in place of the whole body. An empty list means the first four. False for
 * an unknown part, or "body" beside a json part. parts is borrowed as long as out is used.
 */
bool key_policy_init(struct key_policy *out, const struct config_list *parts);

/*
 * target: path and query. client_cert: the SHA-256 of the client's certificate, or empty. The
 * credential is every Authorization, X-Api-Key and Api-Key field, and the client certificate. A
 * member that is missing, or a body that isn't JSON, makes the whole body count instead: never
 * less.
 */
void key_compute(const struct key_policy *p, const struct http_head *request, struct slice target,
                 struct slice client_cert, struct slice body, uint8_t out[KEY_SIZE]);

#endif
