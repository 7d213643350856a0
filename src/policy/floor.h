/*
 * The system floor: a policy of the administrator's, below which no policy of the user's can go.
 * Both are asked, and the stricter verdict holds; what the floor allows, or does not speak of, is
 * the user's to decide.
 */
#ifndef POLICY_FLOOR_H
#define POLICY_FLOOR_H

#include "policy/policy.h"

/* Fixed: no option and no variable of the environment leads around it. */
#define FLOOR_PATH "/etc/ssh-agent-guard/policy.yaml"

/* Reads it. It, and the directories above it, must belong to root and be writable by nobody else.
 * -ENOENT: there is none. Other errors are in *problems, too. */
int floor_load(struct policy **ret, struct problems *problems) MUST_CHECK;

/* As policy_parse_file(), of what somebody has found at FLOOR_PATH; home is floor_home(). */
int floor_parse_file(struct policy **ret, const struct policy_file *file,
                     const struct surroundings *surroundings, struct problems *problems) MUST_CHECK;

/* What "~/" means in a floor: the home of the account, whatever HOME says. Owned by the caller;
 * NULL where it is not known. */
char *floor_home(void);

/* floor may be NULL. Where both are as strict, it is the user's verdict. Each is asked with the
 * coding agents that it tells itself; the request keeps those of the one that decided. */
struct verdict floor_decide(const struct policy *floor, const struct policy *policy,
                            struct request *request);

/* The half of it that compares: what the floor says, and what the user's policy does. */
struct verdict floor_stricter(const struct policy *floor, struct verdict above,
                              struct verdict verdict);

/* Whether the floor, which may be NULL, names the security keys that may say yes, and whether that
 * one may then: any may where none is named. */
bool floor_names_keys(const struct policy *floor);
bool floor_takes_key(const struct policy *floor, const uint8_t point[static PINNED_POINT_LEN]);

/* What both must know of a caller's environment; see policy_env_names(). The list is the caller's,
 * the names in it are borrowed. */
int floor_env_names(const char ***ret, size_t *ret_count, const struct policy *floor,
                    const struct policy *policy) MUST_CHECK;

/* What holds of log: what the floor says of it, else what the user does. */
struct log_settings floor_log(const struct policy *floor, const struct policy *policy);
/* The same of the events of a verdict, of which a rule may speak. */
enum log_detail floor_log_detail(const struct policy *floor, const struct policy *policy,
                                 const struct verdict *verdict);

#endif
