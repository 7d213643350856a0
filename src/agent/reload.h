/*
 * Keeps the policy in force the one that the user wrote last: whenever its file may have changed,
 * or somebody says so, it is read by a child, parsed, and put in the old one's place, whole or not
 * at all. A bad one, and one that is gone, leave the old one in force. So it is with the system
 * floor.
 */
#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include "agent/guard.h"
#include "base/cleanup.h"

#define RELOADED_SHOWN_S 10. /* how long the status says that there is a new policy */

struct reload;

/* What came of a reload_ask(): good, or what is wrong, as lines for a person. */
typedef void reload_answered(void *data, uint64_t call, bool good, struct bytes text);
/* Another policy is in force. */
typedef void reload_changed(void *data);

/* The policy that is in force already stays so until another is found. The guard must outlive it.
 */
int reload_new(struct reload **ret, struct guard *guard, reload_answered *answered,
               reload_changed *changed, void *data) MUST_CHECK;
void reload_free(struct reload *reload); /* NULL is fine; open calls are dropped */

/* Reads again now. call is given to answered(), which is never called from within; 0: nobody asks.
 */
void reload_ask(struct reload *reload, uint64_t call);

#endif
