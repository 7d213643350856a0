/*
 * A policy: rules, and what happens where none fits. Loaded whole or not at all, const from then
 * on, and shared by reference, because a request in flight keeps the policy that decided it.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/confirm.h"
#include "facts/request.h"
#include "facts/verdict.h"
#include "policy/problems.h"

#define POLICY_LEN_MAX (1024 * 1024) /* 10,000 rules fit; a device or a mistake does not */

enum on_log_error { ON_LOG_ERROR_DENY, ON_LOG_ERROR_ALLOW };

/* When an event is on the disk, and not only with the system. */
enum log_sync {
	LOG_SYNC_NONE,     /* when the system thinks best */
	LOG_SYNC_INTERVAL, /* within seconds */
	LOG_SYNC_ALWAYS,   /* before the answer goes out */
};
#define LOG_SYNC_COUNT (LOG_SYNC_ALWAYS + 1)

struct log_settings {
	enum on_log_error on_error;
	enum log_sync sync;
	unsigned keep_days; /* 0: for ever */
	/* What the file says, where others are its defaults: bits by the order above. */
	unsigned says;
};
#define LOG_SAYS_ON_ERROR (1U << 0)
#define LOG_SAYS_SYNC     (1U << 1)
#define LOG_SAYS_KEEP     (1U << 2)

struct policy;

/* What a policy's meaning depends on besides its text. */
struct surroundings {
	const char *home; /* what "~/" in a path means, without a last "/"; NULL: not known */
	bool is_floor;    /* what it says nothing of, it allows (floor.h) */
};

/* Parses text as the policy file called file (for messages). surroundings may be NULL: nothing is
 * known. -EINVAL: it has problems, all of which are in *problems; *ret is then untouched.
 * -ENOMEM. */
int policy_parse(struct policy **ret, struct bytes text, const char *file,
                 const struct surroundings *surroundings, struct problems *problems) MUST_CHECK;

/* What somebody found at the path of a policy. */
struct policy_file {
	const char *path;
	int error; /* 0, or why it could not be read: -EFBIG: longer than POLICY_LEN_MAX, -EINVAL:
	            * no regular file, ... */
	uid_t owner;
	mode_t mode;
	struct bytes text;
};

/* As policy_parse(), of a file that must be owned by the user or root, and not be writable by
 * others. Its error is returned as it is, and is in *problems, too, but -ENOENT. */
int policy_parse_file(struct policy **ret, const struct policy_file *file,
                      const struct surroundings *surroundings,
                      struct problems *problems) MUST_CHECK;

/* Reads the file (owned by the user or root, not writable by others) and parses it; "~/" is HOME
 * of the environment, with links resolved, because paths of executables are. -ENOENT where there
 * is none; other errors are in *problems, too. Blocks for as long as the file system does. */
int policy_load(struct policy **ret, const char *path, struct problems *problems) MUST_CHECK;

/* What policy_load() takes for home: owned by the caller; NULL where HOME does not name a
 * directory. */
char *policy_home(void);
/* The same for another directory than HOME. */
char *policy_home_at(const char *directory);

/* What holds without a policy file: every signature asks, every change is denied. */
int policy_new_default(struct policy **ret) MUST_CHECK;

struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is fine */

/*
 * Pure: no clock, no file, no log. The first rule that fits wins; where none does, default_action
 * for signatures, default_change_action for what changes the agent, allow for listing.
 *
 * A fact may be unknown. An allow needs every field certainly; a deny or confirm fits if it could.
 * A confirm that is uncertain keeps searching, and a later deny wins. A caller that is not
 * identified is allowed to sign, or to change the agent, only by a rule that names an endpoint
 * other than "default".
 */
struct verdict policy_decide(const struct policy *policy, const struct request *request);

/* Which coding agents are behind the request, by the definitions that are compiled in and those of
 * the policy. Pure, too. request->coding_agents is to be that before policy_decide(). */
struct coding_agents policy_coding_agents(const struct policy *policy,
                                          const struct request *request);

/* The variables that must be asked of a caller's environment: those that rules, agents and
 * capture_extra_env_vars name, each once; one may end in '*', for all that begin so. Borrowed.
 */
const char *const *policy_env_names(const struct policy *policy, size_t *ret_count);

const char *policy_sha256(const struct policy *policy); /* of the text, hex; "" for the default */
const char *policy_path(const struct policy *policy);   /* "" for the default */
size_t policy_rule_count(const struct policy *policy);
struct log_settings policy_log(const struct policy *policy);
/* How a person is asked, for all questions and for those of the rule with that name (a verdict's);
 * of the default nothing is remembered. */
const struct confirm_settings *policy_confirm(const struct policy *policy);
struct confirm_terms policy_confirm_terms(const struct policy *policy, const char *rule);

#endif
