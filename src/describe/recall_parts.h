/* What the files that recall a request share: recall.c, recall_caller.c and recall_request.c. */
#ifndef DESCRIBE_RECALL_PARTS_H
#define DESCRIBE_RECALL_PARTS_H

#include "describe/recall.h"
#include "describe/recall_event.h"

struct memory {
	struct recalled recalled;
	struct told_event told;
};

static inline struct told_event *told_of(struct recalled *recalled) {
	return &((struct memory *)recalled)->told;
}

/* The fact behind that field is not all in the event. */
void recall_doubt(struct recalled *recalled, const char *field);
void recall_doubt_if_cut(struct recalled *recalled, enum told which, const char *field);

/* Owned by whoever gets it; NULL stays NULL. -ENOMEM. */
int recall_copy(char **ret, const char *text) MUST_CHECK;
uint64_t recall_number(const char *text); /* NULL: 0 */

/* recall_caller.c: recalled->caller. -ENOMEM. */
int recall_caller(struct recalled *recalled) MUST_CHECK;

/* recall_request.c: recalled->request and what it points to; after the caller. -EBADMSG,
 * -ENOMEM. */
int recall_request(struct recalled *recalled) MUST_CHECK;

#endif
