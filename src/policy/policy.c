#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "policy/agents.h"
#include "policy/command_read.h"
#include "policy/confirm_read.h"
#include "policy/copy.h"
#include "policy/endpoint.h"
#include "policy/env_names.h"
#include "policy/pinned.h"
#include "policy/renderers_read.h"
#include "policy/rule.h"
#include "policy/tell_read.h"

void match_deinit(struct match *match) {
	for (size_t i = 0; i < match->n_conditions; i++) {
		struct condition *condition = &match->conditions[i];

		for (size_t j = 0; j < condition->n_patterns; j++)
			pattern_deinit(&condition->patterns[j]);
		free(condition->patterns);
		free(condition->variable);
		free(condition->hours);
	}
	free(match->conditions);
}

static void policy_free(struct policy *policy) {
	for (size_t i = 0; i < policy->n_rules; i++) {
		free(policy->rules[i].name);
		match_deinit(&policy->rules[i].match);
		match_deinit(&policy->rules[i].unless);
	}
	free(policy->rules);
	endpoints_deinit(policy);
	agents_deinit(policy);
	for (size_t i = 0; i < policy->n_captured; i++)
		free(policy->captured[i]);
	free(policy->captured);
	free(policy->env_names);
	free(policy->host_names);
	known_files_deinit(&policy->known_files);
	pinned_deinit(&policy->pinned);
	words_free(&policy->screen_state);
	free(policy->upstream);
	tell_deinit(&policy->tell);
	renderers_settings_deinit(&policy->renderers);
	for (size_t i = 0; i < policy->n_included; i++)
		free(policy->included[i]);
	regex_room_free(policy->room);
	free(policy->path);
	free(policy);
}

int policy_new_empty(struct policy **ret, const char *path) {
	struct policy *policy = calloc(1, sizeof(*policy));

	if (policy == NULL)
		return -ENOMEM;
	policy->references = 1;
	policy->confirm = confirm_defaults();
	policy->log.file_len = LOG_FILE_LEN_USUAL;
	policy->log.sign_every = LOG_SIGN_EVERY_USUAL;
	policy->path = strdup(path);
	if (policy->path == NULL || regex_room_new(&policy->room) < 0) {
		policy_free(policy);
		return -ENOMEM;
	}
	*ret = policy;
	return 0;
}

int policy_new_default(struct policy **ret) {
	struct policy *policy;
	int error = policy_new_empty(&policy, "");

	if (error < 0)
		return error;
	policy->default_action = ACTION_CONFIRM;
	error = agents_read_builtin(policy);
	if (error == 0)
		error = env_names_collect(policy);
	if (error < 0) {
		policy_free(policy);
		return error;
	}
	*ret = policy;
	return 0;
}

struct policy *policy_ref(struct policy *policy) {
	policy->references++;
	return policy;
}

void policy_unref(struct policy *policy) {
	if (policy != NULL && --policy->references == 0)
		policy_free(policy);
}

const char *policy_sha256(const struct policy *policy) {
	return policy->sha256;
}

const char *policy_path(const struct policy *policy) {
	return policy->path;
}

const char *const *policy_included(const struct policy *policy, size_t *ret_count) {
	*ret_count = policy->n_included;
	return (const char *const *)policy->included;
}

const char *const *policy_env_names(const struct policy *policy, size_t *ret_count) {
	*ret_count = policy->n_env_names;
	return policy->env_names;
}

const char *const *policy_known_files(const struct policy *policy, enum known_by by,
                                      size_t *ret_count) {
	size_t kind = by == KNOWN_BY_SYSTEM ? 1 : 0;

	*ret_count = policy->known_files.n_paths[kind];
	return policy->known_files.says[kind] ? (const char *const *)policy->known_files.paths[kind]
	                                      : NULL;
}

const char *const *policy_host_names(const struct policy *policy, size_t *ret_count) {
	*ret_count = policy->n_host_names;
	return policy->host_names;
}

bool policy_locks(const struct policy *policy) {
	return policy->locks;
}

bool policy_asks(const struct policy *policy, const char *field) {
	return (policy->asks & UINT64_C(1) << (field_find(field) - fields)) != 0;
}

size_t policy_rule_count(const struct policy *policy) {
	return policy->n_rules;
}

struct log_settings policy_log(const struct policy *policy) {
	return policy->log;
}

const struct confirm_settings *policy_confirm(const struct policy *policy) {
	return &policy->confirm;
}

bool policy_may_ask_a_person(const struct policy *policy) {
	if (policy->default_action == ACTION_CONFIRM ||
	    policy->default_change_action == ACTION_CONFIRM)
		return true;
	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].action == ACTION_CONFIRM)
			return true;
	return false;
}

const struct renderers_settings *policy_renderers(const struct policy *policy) {
	return &policy->renderers;
}

char *const *policy_screen_state(const struct policy *policy) {
	return policy->screen_state;
}

const char *policy_upstream(const struct policy *policy) {
	return policy->upstream;
}

const struct tell_settings *policy_tell(const struct policy *policy) {
	return &policy->tell;
}

struct confirm_terms policy_confirm_terms(const struct policy *policy, const char *rule) {
	for (size_t i = 0; i < policy->n_rules; i++)
		if (strcmp(policy->rules[i].name, rule) == 0)
			return policy->rules[i].confirm;
	return (struct confirm_terms){0};
}

/* As sshd's StrictModes: what another can write is another's policy. */
static int check_owner(const struct policy_file *file, bool roots_alone,
                       struct problems *problems) {
	if (file->owner != 0 && roots_alone) {
		problems_add(problems, file->path, 0, 0, "it belongs to user %ld; make it root's",
		             (long)file->owner);
		return -EPERM;
	}
	if (file->owner != 0 && file->owner != geteuid()) {
		problems_add(problems, file->path, 0, 0,
		             "it belongs to user %ld, who could let himself in; make it your own "
		             "or root's",
		             (long)file->owner);
		return -EPERM;
	}
	if ((file->mode & 022) != 0) {
		problems_add(problems, file->path, 0, 0,
		             "others can write it (mode %03o); run chmod go-w on it",
		             (unsigned)file->mode & 0777);
		return -EPERM;
	}
	return 0;
}

static void report_read_error(struct problems *problems, const char *path, int error) {
	switch (-error) {
	case EFBIG:
		problems_add(problems, path, 0, 0, "it has more than %d bytes; split or shorten it",
		             POLICY_LEN_MAX);
		break;
	case EINVAL:
		problems_add(problems, path, 0, 0, "it is not a regular file; name another");
		break;
	default: /* errno's, which are not our enum */
		problems_add(problems, path, 0, 0, "cannot be read: %s", strerror(-error));
	}
}

char *policy_home_at(const char *directory) {
	char *real = directory[0] == '/' ? realpath(directory, NULL) : NULL;

	if (real != NULL && strcmp(real, "/") == 0)
		*real = '\0';
	return real;
}

char *policy_home(void) {
	const char *home = getenv("HOME");

	return home != NULL ? policy_home_at(home) : NULL;
}

int policy_file_check(const struct policy_file *file, bool roots_alone, struct problems *problems) {
	if (file->error == 0)
		return check_owner(file, roots_alone, problems);
	report_read_error(problems, file->path, file->error);
	return file->error;
}

int policy_parse_file(struct policy **ret, const struct policy_file *file,
                      const struct surroundings *surroundings, struct problems *problems) {
	bool is_floor = surroundings != NULL && surroundings->is_floor;
	int error = file->error == -ENOENT ? -ENOENT : policy_file_check(file, is_floor, problems);

	if (error < 0)
		return error;
	return policy_parse(ret, file->text, file->path, surroundings, problems);
}

void disk_files_deinit(struct disk_files *files) {
	for (size_t i = 0; i < files->count; i++)
		buffer_deinit(&files->texts[i]);
}

int disk_files_find(void *data, const char *path, struct policy_file *ret) {
	struct disk_files *files = data;
	struct buffer *text;
	struct stat status = {0};

	if (files->count == INCLUDES_MAX)
		return -ENOMEM;
	text = &files->texts[files->count++];
	ret->error = file_read(text, AT_FDCWD, path, POLICY_LEN_MAX, &status);
	ret->owner = status.st_uid;
	ret->mode = status.st_mode;
	ret->text = buffer_bytes(text);
	return ret->error == -ENOMEM ? -ENOMEM : 0;
}

int policy_load_copied(struct policy **ret, struct buffer *copy, const char *path,
                       struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	CLEANUP(free_pointer) char *home = policy_home();
	CLEANUP(disk_files_deinit) struct disk_files files = {0};
	const struct policy_source source = {.find = disk_files_find, .data = &files};
	const struct surroundings surroundings = {.home = home, .source = &source, .copy = copy};
	struct policy_file file = {.path = path};
	struct stat status = {0};

	if (copy != NULL)
		policy_copy_begin(copy, home);
	file.error = file_read(&buffer, AT_FDCWD, path, POLICY_LEN_MAX, &status);
	file.owner = status.st_uid;
	file.mode = status.st_mode;
	file.text = buffer_bytes(&buffer);
	return policy_parse_file(ret, &file, &surroundings, problems);
}

int policy_load(struct policy **ret, const char *path, struct problems *problems) {
	return policy_load_copied(ret, NULL, path, problems);
}
