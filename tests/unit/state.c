/* The four states, as a table of what happened and when it is asked. */
#include "trust/state.h"

#include "base/clock.h"

#include "tap.h"

#define S CLOCK_NS_PER_S

int main(void)
{
    struct state s;

    state_init(&s, 100);
    is_str(state_text(state_now(&s, 5 * S)), "Ready", "Ready before the first relay ends");

    state_relay_ended(&s, false, 6 * S);
    is_str(state_text(state_now(&s, 6 * S)), "Failed", "Failed when the first relay fails");

    state_relay_ended(&s, true, 10 * S);
    is_str(state_text(state_now(&s, 10 * S)), "Connected", "Connected after an answer");
    is_str(state_text(state_now(&s, 10000 * S)), "Connected",
           "Connected stays while no relay has failed, however long ago the answer is");
    is_int(state_expires_ns(&s), 110 * S, "trust ends a window after the last answer");

    state_relay_ended(&s, false, 50 * S);
    is_str(state_text(state_now(&s, 50 * S)), "TrustBased", "TrustBased when a later relay fails");
    is_int(s.answered_ns, 10 * S, "an outage does not move the last answer");
    state_relay_ended(&s, false, 90 * S);
    is_int(state_expires_ns(&s), 110 * S, "nor the end of trust");
    is_str(state_text(state_now(&s, 110 * S - 1)), "TrustBased", "TrustBased to the last moment");
    is_str(state_text(state_now(&s, 110 * S)), "Failed", "Failed by itself at the deadline");

    state_relay_ended(&s, true, 200 * S);
    is_str(state_text(state_now(&s, 200 * S)), "Connected", "Connected again after an answer");
    is_int(state_expires_ns(&s), 300 * S, "with a whole window before it");

    state_relay_ended(&s, true, 150 * S);
    is_str(state_text(state_now(&s, 210 * S)), "Connected", "an old answer keeps it Connected");
    is_int(state_expires_ns(&s), 300 * S, "but neither lengthens trust nor shortens it");
    state_recall(&s, 180 * S);
    is_int(s.answered_ns, 200 * S, "nor does what an earlier process knew");
    state_init(&s, 100);
    state_recall(&s, 50 * S);
    is_str(state_text(state_now(&s, 60 * S)), "Ready", "what is recalled is no relay");
    state_relay_ended(&s, false, 0);
    is_str(state_text(state_now(&s, 60 * S)), "TrustBased", "but counts in an outage");
    is_str(state_text(state_now(&s, 150 * S)), "Failed", "within its window");

    state_init(&s, 0);
    state_relay_ended(&s, true, 10 * S);
    state_relay_ended(&s, false, 10 * S);
    is_str(state_text(state_now(&s, 10 * S)), "Failed", "a window of 0 trusts nothing");
    return done_testing();
}
