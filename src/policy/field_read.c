#include "policy/field_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "policy/field_word.h"
#include "policy/rule.h"

/* Doubles the room when it is full, which is at 0, 1, 2, 4, 8 ... */
static int make_room(struct condition *condition) {
	size_t n_patterns = condition->n_patterns;
	struct pattern *patterns;

	if ((n_patterns & (n_patterns - 1)) != 0)
		return 0;
	patterns = array_resize(condition->patterns, n_patterns > 0 ? 2 * n_patterns : 1,
	                        sizeof(*patterns));
	if (patterns == NULL)
		return -ENOMEM;
	condition->patterns = patterns;
	return 0;
}

/* Compiles the value and adds it. NULL in *ret: it was refused and reported. */
static int add_pattern(struct pattern **ret, struct condition *condition, struct reading *reading,
                       const struct yaml_node *value, bool path) {
	CLEANUP(free_pointer) char *why = NULL;
	const char *what = condition->field->name;
	const char *source = read_text(reading, what, value);
	struct pattern *pattern;
	int error;

	*ret = NULL;
	if (source == NULL)
		return 0;
	error = make_room(condition);
	if (error < 0)
		return error;
	pattern = &condition->patterns[condition->n_patterns];
	reading->context.path = path;
	error = pattern_compile(pattern, source, &reading->context, &why);
	if (error == -EINVAL)
		REPORT(reading, value, "%s: %.60s: %s", what, source, why);
	if (error < 0)
		return error == -EINVAL ? 0 : error;
	condition->n_patterns++;
	*ret = pattern;
	return 0;
}

/* A pattern that can never fit is a mistake, and in a deny rule a hole. */
#define NEVER(reading, value, field, why) \
	REPORT(reading, value, "%s: %.60s: never fits: %s", (field)->name, (value)->text, (why))

static bool is_glob(const struct pattern *pattern) {
	return pattern != NULL && pattern->regex == NULL;
}

int read_process_name(struct condition *condition, struct reading *reading,
                      const struct yaml_node *value) {
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, false);

	if (is_glob(pattern) && strchr(value->text, '/') != NULL)
		NEVER(reading, value, condition->field,
		      "the name of a process has no \"/\"; for its path write exe");
	return error;
}

/* The system names a file by its one path without detours. Of a glob, wildcards or not. */
static bool has_detour(const char *path) {
	size_t len = strlen(path);

	return strstr(path, "//") != NULL || strstr(path, "/./") != NULL ||
	       strstr(path, "/../") != NULL || (len >= 2 && strcmp(path + len - 2, "/.") == 0) ||
	       (len >= 3 && strcmp(path + len - 3, "/..") == 0);
}
#define DETOUR \
	"a path has no \"//\", \"/./\" or \"/../\" in it; write the one that the system tells"

static bool ends_with_slash(const struct yaml_node *value) {
	size_t len = strlen(value->text);

	return len > 1 && value->text[len - 1] == '/';
}

static void check_program(const struct condition *condition, struct reading *reading,
                          const struct yaml_node *value, const struct pattern *pattern) {
	if (!is_glob(pattern))
		return;
	/* The prefix holds the home directory already, so "~/x" is absolute here. */
	if (pattern->glob.prefix_len > 0 && pattern->glob.prefix[0] != '/')
		NEVER(reading, value, condition->field,
		      "the path of a program begins with \"/\"; for its name alone write "
		      "process_name, for any directory **/NAME");
	else if (has_detour(value->text))
		NEVER(reading, value, condition->field, DETOUR);
	else if (ends_with_slash(value))
		NEVER(reading, value, condition->field,
		      "the path of a program has no \"/\" at its end; for all below a directory "
		      "write "
		      "DIRECTORY/*");
}

int read_path(struct condition *condition, struct reading *reading, const struct yaml_node *value) {
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, true);

	check_program(condition, reading, value, pattern);
	return error;
}

/* Of a beginning, or with wildcards, anybody could make a program. Compared in lower case, as it is
 * printed. */
int read_sha256(struct condition *condition, struct reading *reading,
                const struct yaml_node *value) {
	const char *source = value->kind == TREE_TEXT ? value->text : "";
	char digits[65];
	struct yaml_node lower = *value;
	struct pattern *pattern;

	if (value->kind == TREE_TEXT && *source != '\0' &&
	    (strlen(source) != 64 || strspn(source, "0123456789abcdefABCDEF") != 64)) {
		NEVER(reading, value, condition->field,
		      "it has 64 hexadecimal digits, as sha256sum prints them");
		return 0;
	}
	if (strlen(source) == 64) {
		for (size_t i = 0; i <= 64; i++)
			digits[i] = (char)tolower((unsigned char)source[i]);
		lower.text = digits;
		lower.plain = false;
	}
	return add_pattern(&pattern, condition, reading, &lower, false);
}

int read_directory(struct condition *condition, struct reading *reading,
                   const struct yaml_node *value) {
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, true);

	if (!is_glob(pattern))
		return error;
	if (pattern->glob.prefix_len > 0 && pattern->glob.prefix[0] != '/')
		NEVER(reading, value, condition->field,
		      "a working directory begins with \"/\"; write ~/DIRECTORY or /DIRECTORY");
	else if (has_detour(value->text))
		NEVER(reading, value, condition->field, DETOUR);
	else if (ends_with_slash(value))
		NEVER(reading, value, condition->field,
		      "a working directory has no \"/\" at its end; for all below it write "
		      "DIRECTORY/*");
	return error;
}

int read_cgroup(struct condition *condition, struct reading *reading,
                const struct yaml_node *value) {
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, false);

	if (is_glob(pattern) && pattern->glob.prefix_len > 0 && pattern->glob.prefix[0] != '/')
		NEVER(reading, value, condition->field,
		      "the path of a cgroup begins with \"/\"; for a part of it write */PART/*");
	else if (is_glob(pattern) && ends_with_slash(value))
		NEVER(reading, value, condition->field,
		      "the path of a cgroup has no \"/\" at its end; for all below it write "
		      "CGROUP/*");
	return error;
}

#define UID_NONE UINT64_C(0xffffffff) /* the system's word for no user at all */

/* A number, in quotes or not; as a pattern, so that it is compared as all else is. */
int read_uid(struct condition *condition, struct reading *reading, const struct yaml_node *value) {
	struct yaml_node quoted = *value;
	struct pattern *pattern;
	const char *text = value->text;
	bool number = value->kind == TREE_TEXT && *text != '\0' &&
	              text[strspn(text, "0123456789")] == '\0' && strlen(text) <= 10 &&
	              (text[0] != '0' || text[1] == '\0') && strtoull(text, NULL, 10) < UID_NONE;

	if (value->kind == TREE_TEXT && !number) {
		REPORT(reading, value, "%s: %.60s: no number of a user; id -u prints it",
		       condition->field->name, *text != '\0' ? text : "empty");
		return 0;
	}
	quoted.plain = false;
	return add_pattern(&pattern, condition, reading, &quoted, false);
}

/* "09:00-09:00", which is no time, or all of it. */
static bool is_empty_span(const char *text) {
	static const size_t clock_len = sizeof("09:00") - 1;
	size_t len = strlen(text);

	return len > 2 * clock_len && text[len - clock_len - 1] == '-' &&
	       strncmp(text + len - 2 * clock_len - 1, text + len - clock_len, clock_len) == 0;
}

int read_time(struct condition *condition, struct reading *reading, const struct yaml_node *value) {
	const char *text = read_text(reading, condition->field->name, value);
	struct hours hours, *made;

	if (text == NULL)
		return 0;
	if (is_empty_span(text)) {
		REPORT(reading, value,
		       "%s: %.60s: ends where it begins; for the whole day leave the hours out, or "
		       "write 00:00-24:00",
		       condition->field->name, text);
		return 0;
	}
	if (!hours_parse(&hours, text)) {
		REPORT(reading, value,
		       "%s: %.60s: write days, hours, or both, as in \"mon-fri 09:00-17:30\"",
		       condition->field->name, text);
		return 0;
	}
	made = array_resize(condition->hours, condition->n_hours + 1, sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	condition->hours = made;
	condition->hours[condition->n_hours++] = hours;
	return 0;
}

int read_ancestor(struct condition *condition, struct reading *reading,
                  const struct yaml_node *value) {
	bool path = value->kind == TREE_TEXT && strchr(value->text, '/') != NULL;
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, path);

	if (path)
		check_program(condition, reading, value, pattern);
	return error;
}

int read_boolean(struct condition *condition, struct reading *reading,
                 const struct yaml_node *value) {
	enum yaml_scalar scalar = SCALAR_TEXT;

	if (value->kind == TREE_TEXT)
		scalar = yaml_scalar(value);
	if (scalar == SCALAR_TRUE)
		condition->wanted |= 1U << TRI_YES;
	else if (scalar == SCALAR_FALSE)
		condition->wanted |= 1U << TRI_NO;
	else if (value->kind == TREE_TEXT)
		REPORT(reading, value, "%s: %.60s: unknown value; write true or false",
		       condition->field->name, *value->text != '\0' ? value->text : "empty");
	else if (value->kind != TREE_BROKEN)
		REPORT(reading, value, "%s: unknown value; write true or false",
		       condition->field->name);
	return 0;
}

/* What no fingerprint can begin with. NULL: nothing is wrong. */
static const char *bad_fingerprint(const char *start, bool whole) {
	static const char kind[] = "SHA256:";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/";
	size_t kind_len = strlen(kind);
	size_t len = strlen(start);

	if (strncmp(start, kind, len < kind_len ? len : kind_len) != 0)
		return "it is compared with \"SHA256:...\", as ssh-keygen -l prints it";
	if (len <= kind_len)
		return whole ? "it has no letters behind SHA256:; for every key leave it out"
		             : NULL;
	if (start[kind_len + strspn(start + kind_len, letters)] != '\0')
		return "a fingerprint has letters, digits, + and / alone";
	return len >= KEY_FINGERPRINT_SIZE ? "a fingerprint has 43 letters behind SHA256:" : NULL;
}

int read_fingerprint(struct condition *condition, struct reading *reading,
                     const struct yaml_node *value) {
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, false);
	const char *bad = NULL;

	if (is_glob(pattern))
		bad = bad_fingerprint(pattern->glob.prefix, !pattern_has_wildcard(pattern));
	if (bad != NULL)
		NEVER(reading, value, condition->field, bad);
	return error;
}

int read_key_type(struct condition *condition, struct reading *reading,
                  const struct yaml_node *value) {
	/* What ssh-keygen -t takes, and ssh-keygen -l prints in capitals. */
	static const char *const short_names[][2] = {
		{"rsa", "ssh-rsa"},
		{"dsa", "ssh-dss"},
		{"ecdsa", "ecdsa-sha2-*"},
		{"ed25519", "ssh-ed25519"},
		{"ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com"},
		{"ed25519-sk", "sk-ssh-ed25519@openssh.com"},
	};
	struct pattern *pattern;
	int error = add_pattern(&pattern, condition, reading, value, false);

	for (size_t i = 0; is_glob(pattern) && i < sizeof(short_names) / sizeof(short_names[0]);
	     i++)
		if (strcasecmp(value->text, short_names[i][0]) == 0) {
			REPORT(reading, value,
			       "%s: %.60s: never fits: its name in the protocol "
			       "is %s",
			       condition->field->name, value->text, short_names[i][1]);
			return error;
		}
	if (is_glob(pattern) && strpbrk(value->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
		NEVER(reading, value, condition->field,
		      "the protocol writes types of keys in lower case");
	return error;
}

/* One word for each of the first n bits. */
static int read_one_of(struct condition *condition, struct reading *reading,
                       const struct yaml_node *value, unsigned n_words) {
	const char *words[32];
	int index;

	for (unsigned i = 0; i < n_words; i++)
		words[i] = condition->field->word(i);
	index = read_word(reading, condition->field->name, value, words, n_words);
	if (index >= 0)
		condition->wanted |= 1U << index;
	return 0;
}

int read_operation(struct condition *condition, struct reading *reading,
                   const struct yaml_node *value) {
	return read_one_of(condition, reading, value, OPERATION_COUNT);
}

int read_caller_integrity(struct condition *condition, struct reading *reading,
                          const struct yaml_node *value) {
	return read_one_of(condition, reading, value, INTEGRITY_COUNT);
}

int read_user_presence(struct condition *condition, struct reading *reading,
                       const struct yaml_node *value) {
	return read_one_of(condition, reading, value, PRESENCE_LOCKED + 1);
}

int read_sign_type(struct condition *condition, struct reading *reading,
                   const struct yaml_node *value) {
	return read_one_of(condition, reading, value, PAYLOAD_SSHSIG + 1);
}

int read_dest_evidence(struct condition *condition, struct reading *reading,
                       const struct yaml_node *value) {
	return read_one_of(condition, reading, value, DEST_EVIDENCE_COUNT);
}

int read_hops(struct condition *condition, struct reading *reading, const struct yaml_node *value) {
	const char *text = value->kind == TREE_TEXT ? value->text : "";
	bool is_number = text[strspn(text, "0123456789")] == '\0' && strlen(text) <= 2 &&
	                 (text[0] != '0' || text[1] == '\0') && atoi(text) <= SESSION_HOPS_MAX;

	if (*text == '\0' || is_number)
		return read_one_of(condition, reading, value, SESSION_HOPS_MAX + 1);
	REPORT(reading, value, "%s: %.60s: write a number from 0 to %d, or a list of them",
	       condition->field->name, text, SESSION_HOPS_MAX);
	return 0;
}

int read_name(struct condition *condition, struct reading *reading, const struct yaml_node *value) {
	struct pattern *pattern;

	return add_pattern(&pattern, condition, reading, value, false);
}

int read_known_hosts(struct condition *condition, struct reading *reading,
                     const struct yaml_node *value) {
	return read_one_of(condition, reading, value, KNOWN_BY_COUNT);
}

int read_git_operation(struct condition *condition, struct reading *reading,
                       const struct yaml_node *value) {
	return read_one_of(condition, reading, value, GIT_OPERATION_WORDS);
}
