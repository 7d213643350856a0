/* What of the home and of others' sockets is covered up. */
#ifndef SANDBOX_COVER_H
#define SANDBOX_COVER_H

#include "base/cleanup.h"
#include "sandbox/plan.h"
#include "sandbox/view.h"
#include "sandbox/words.h"

/* Keys, and the guard's own files. Of ~/.ssh what holds no secret stays. */
int cover_home(struct view *view, const struct plan *plan) MUST_CHECK;
/* The sockets that anybody listens on where the plan leaves something to be seen. Of those that
 * are made later only Landlock from ABI 9 on keeps a program away. */
int cover_sockets(struct words *words, const struct plan *plan) MUST_CHECK;

#endif
