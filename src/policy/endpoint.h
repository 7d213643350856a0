/* Sockets besides the guard's own that a policy asks for, with names that its rules can match. */
#ifndef POLICY_ENDPOINT_H
#define POLICY_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "policy/policy.h"
#include "policy/reading.h"

#define ENDPOINT_NAME_LEN_MAX 32 /* it stands in every event */
#define ENDPOINTS_MAX         32 /* each is a socket, a lock and what watches them */

struct endpoint {
	char *name;
	char *path;          /* absolute */
	mode_t mode;         /* of the socket */
	bool from_container; /* only who stands in namespaces of his own may use it */
};
#define ENDPOINT_MODE 0600 /* unless set */

/* The names of sockets that `exec` has made, which are none of the policy's. */
#define ENDPOINT_EXEC "exec:"
bool endpoint_is_of_exec(const char *name);
/* Whether it may stand behind ENDPOINT_EXEC. */
bool endpoint_label_is_good(const char *label);

/* NULL: there is none of that name. Borrowed. */
const struct endpoint *policy_endpoint_find(const struct policy *policy, const char *name);

/* Those of the policy, in their order; none of them is called "default". Borrowed. */
const struct endpoint *policy_endpoints(const struct policy *policy, size_t *ret_count);

/* Reads "endpoints:" into the policy. What is wrong is reported; -ENOMEM. */
int endpoints_read(struct policy *policy, struct reading *reading,
                   const struct yaml_node *map) MUST_CHECK;
void endpoints_deinit(struct policy *policy);

#endif
