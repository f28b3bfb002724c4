/*
 * How `serve` gives up what it may do: first another user's identity and all capabilities, so that
 * what it may not do shows at the start; then, before it reads a byte of a peer's, whatever a
 * sandbox keeps from it.
 */
#ifndef CLI_CONFINE_H
#define CLI_CONFINE_H

#include "base/config.h"
#include "base/log.h"
#include "cli/options.h"

/*
 * Becomes the configured user (its group, and no other), if there is one; a state directory that
 * isn't there yet is made for it. Then drops all capabilities, but one: where a file that a reload
 * reads, or the way to it, needs a capability, that one stays, with a warning. Ports must be bound.
 * ERR_CONFIG for a user that isn't known, ERR_PERMISSION.
 */
bool confine_user(const struct options *options, const struct config *config, struct log *log,
                  struct err *err);

/*
 * Confines this process: it reads what a reload reads (sandbox_let_reread) and writes the state
 * directory. Tells once what the kernel lacks.
 */
void confine_proxy(const struct options *options, const struct config *config, struct log *log);

#endif
