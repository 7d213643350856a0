#include "policy/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "policy/pinned.h"
#include "policy/rule.h"

char *floor_home(void) {
	const struct passwd *user = getpwuid(geteuid());

	return user != NULL ? policy_home_at(user->pw_dir) : NULL;
}

/* Whoever could put another file there could lower it. -ENOENT: there is no such directory. */
static int check_directories(struct problems *problems) {
	static const char *const paths[] = {"/", "/etc", "/etc/ssh-agent-guard"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct stat status;

		if (stat(paths[i], &status) < 0) {
			int error = -errno;

			if (error != -ENOENT)
				problems_add(problems, FLOOR_PATH, 0, 0, "%s: %s", paths[i],
				             strerror(-error));
			return error;
		}
		if (status.st_uid == 0 && (status.st_mode & 022) == 0)
			continue;
		problems_add(problems, FLOOR_PATH, 0, 0,
		             "others than root can replace it: make %s root's, mode 755", paths[i]);
		return -EPERM;
	}
	return 0;
}

int floor_parse_file(struct policy **ret, const struct policy_file *file,
                     const struct surroundings *surroundings, struct problems *problems) {
	struct surroundings known = surroundings != NULL ? *surroundings : (struct surroundings){0};
	int error = check_directories(problems);

	known.is_floor = true;
	return error == 0 ? policy_parse_file(ret, file, &known, problems) : error;
}

int floor_load(struct policy **ret, struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	CLEANUP(free_pointer) char *home = NULL;
	CLEANUP(disk_files_deinit) struct disk_files files = {0};
	const struct policy_source source = {.find = disk_files_find, .data = &files};
	struct surroundings surroundings = {.is_floor = true, .source = &source};
	struct policy_file file = {.path = FLOOR_PATH};
	struct stat status = {0};

	file.error = file_read(&buffer, AT_FDCWD, FLOOR_PATH, POLICY_LEN_MAX, &status);
	/* Not there, but anybody might put it there, or has taken it away. */
	if (file.error == -ENOENT && access("/etc/ssh-agent-guard", F_OK) == 0 &&
	    check_directories(problems) < 0)
		return -EPERM;
	if (file.error == -ENOENT)
		return -ENOENT;
	surroundings.home = home = floor_home();
	file.owner = status.st_uid;
	file.mode = status.st_mode;
	file.text = buffer_bytes(&buffer);
	return floor_parse_file(ret, &file, &surroundings, problems);
}

struct verdict floor_stricter(const struct policy *floor, struct verdict above,
                              struct verdict verdict) {
	/* What it allows by its default, it only leaves to the user's policy, and asks for a proof.
	 */
	if (floor->require_proof && above.action == ACTION_ALLOW && verdict.weak)
		above = (struct verdict){
			.action = ACTION_DENY, .rule = verdict.rule, .missing = "proof"};
	above.by_floor = true;
	above.rule_below = verdict.rule;
	/* enum action goes from the strictest to the least strict. */
	return above.action < verdict.action ? above : verdict;
}

struct verdict floor_decide(const struct policy *floor, const struct policy *policy,
                            struct request *request) {
	struct coding_agents agents = policy_coding_agents(policy, request);
	struct verdict verdict;

	request->coding_agents = agents;
	verdict = policy_decide(policy, request);
	if (floor == NULL)
		return verdict;
	request->coding_agents = policy_coding_agents(floor, request);
	verdict = floor_stricter(floor, policy_decide(floor, request), verdict);
	if (!verdict.by_floor)
		request->coding_agents = agents;
	return verdict;
}

bool floor_names_keys(const struct policy *floor) {
	return floor != NULL && floor->pinned.count > 0;
}

bool floor_takes_key(const struct policy *floor, const uint8_t point[static PINNED_POINT_LEN]) {
	return !floor_names_keys(floor) || pinned_has(&floor->pinned, point);
}

int floor_env_names(const char ***ret, size_t *ret_count, const struct policy *floor,
                    const struct policy *policy) {
	size_t n_floor = 0, n_policy;
	const char *const *of_floor = floor != NULL ? policy_env_names(floor, &n_floor) : NULL;
	const char *const *of_policy = policy_env_names(policy, &n_policy);
	const char **names = calloc(n_floor + n_policy + 1, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n_floor; i++)
		names[i] = of_floor[i];
	for (size_t i = 0; i < n_policy; i++)
		names[n_floor + i] = of_policy[i];
	*ret = names;
	*ret_count = n_floor + n_policy;
	return 0;
}

struct log_settings floor_log(const struct policy *floor, const struct policy *policy) {
	struct log_settings log = policy->log;

	if (floor == NULL)
		return log;
	if ((floor->log.says & LOG_SAYS_ON_ERROR) != 0)
		log.on_error = floor->log.on_error;
	if ((floor->log.says & LOG_SAYS_SYNC) != 0)
		log.sync = floor->log.sync;
	if ((floor->log.says & LOG_SAYS_KEEP) != 0)
		log.keep_days = floor->log.keep_days;
	if ((floor->log.says & LOG_SAYS_KEEP_LEN) != 0)
		log.keep_len = floor->log.keep_len;
	if ((floor->log.says & LOG_SAYS_FILE_LEN) != 0)
		log.file_len = floor->log.file_len;
	if ((floor->log.says & LOG_SAYS_COMPRESS) != 0)
		log.no_compress = floor->log.no_compress;
	if ((floor->log.says & LOG_SAYS_HEADS) != 0) {
		memcpy(log.sign_key, floor->log.sign_key, sizeof(log.sign_key));
		log.sign_every = floor->log.sign_every;
	}
	if ((floor->log.says & LOG_SAYS_JOURNAL) != 0)
		log.no_journal = floor->log.no_journal;
	if ((floor->log.says & LOG_SAYS_DETAIL) != 0)
		log.detail = floor->log.detail;
	return log;
}

enum log_detail floor_log_detail(const struct policy *floor, const struct policy *policy,
                                 const struct verdict *verdict) {
	bool is_fixed = floor != NULL && (floor->log.says & LOG_SAYS_DETAIL) != 0;

	if (is_fixed || verdict->log == LOG_DETAIL_UNSAID)
		return floor_log(floor, policy).detail;
	return verdict->log;
}
