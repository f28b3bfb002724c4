/*
 * What a person is told of the proxy's state, on the status port's page and by the `status`
 * command: pure, of values that both have, so that both say the same.
 */
#ifndef STATUS_WORDS_H
#define STATUS_WORDS_H

#include "base/err.h"
#include "base/slice.h"
#include "trust/state.h"

/*
 * A length of time of the two largest units that it has, rounded down: "6 d 4 h", "3 h 12 min",
 * "45 s"; less than nothing is "0 s".
 */
#define WORDS_DURATION_SIZE 32
void words_duration(int64_t seconds, char out[WORDS_DURATION_SIZE]);

/* "12 min ago", or "in 12 min" when ago_s is less than nothing. */
#define WORDS_DISTANCE_SIZE (WORDS_DURATION_SIZE + 4)
void words_distance(int64_t ago_s, char out[WORDS_DISTANCE_SIZE]);

/* "2022-01-01 22:10:48 UTC, 12 min ago" */
#define WORDS_MOMENT_SIZE (WORDS_DISTANCE_SIZE + 28)
void words_moment(int64_t wall_s, int64_t ago_s, char out[WORDS_MOMENT_SIZE]);

/* The same without its distance. */
void words_date(int64_t wall_s, char out[WORDS_MOMENT_SIZE]);

/*
 * The state in a sentence without its full stop. trust_left_s: seconds until trust ends, of use in
 * TrustBased alone. since_answer_s: seconds since the license server's last answer, -1: none yet.
 */
#define WORDS_HEADLINE_SIZE 96
void words_headline(enum state_name state, bool draining, int64_t trust_left_s,
                    int64_t since_answer_s, char out[WORDS_HEADLINE_SIZE]);

/* What to do about a relay that failed at this stage: sentences; "" for STAGE_NONE. */
const char *words_advice(enum err_stage stage);

/* Back from state_text and err_stage_name. False, STAGE_NONE: there is none of that name. */
bool words_to_state(struct slice text, enum state_name *state);
enum err_stage words_to_stage(struct slice name);

#endif
