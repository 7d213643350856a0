/* rsync and mosh, which run a command that need not be ssh. */
#include <errno.h>

#include "caller/ssh_argv_programs.h"

/* Options of rsync 3.5 by what follows them. One that is missing here makes the answer unknown. */
#define RSYNC_FLAGS     "vqcarRbudlLkKHpEAXogDtUNOJSnWxIyzCF0s8hPi46V"
#define RSYNC_ARGUMENTS "BefM@T"

static const char *const rsync_long_flags[] = {
	"verbose",
	"quiet",
	"checksum",
	"archive",
	"recursive",
	"inc-recursive",
	"i-r",
	"relative",
	"backup",
	"update",
	"inplace",
	"append",
	"append-verify",
	"dirs",
	"old-dirs",
	"old-d",
	"mkpath",
	"links",
	"copy-links",
	"copy-unsafe-links",
	"safe-links",
	"insecure-links",
	"munge-links",
	"copy-dirlinks",
	"keep-dirlinks",
	"hard-links",
	"perms",
	"executability",
	"acls",
	"xattrs",
	"owner",
	"group",
	"devices",
	"copy-devices",
	"write-devices",
	"specials",
	"drop-D",
	"times",
	"atimes",
	"open-noatime",
	"crtimes",
	"omit-dir-times",
	"omit-link-times",
	"super",
	"fake-super",
	"sparse",
	"preallocate",
	"dry-run",
	"whole-file",
	"one-file-system",
	"existing",
	"ignore-non-existing",
	"ignore-existing",
	"remove-source-files",
	"del",
	"delete",
	"delete-before",
	"delete-during",
	"delete-delay",
	"delete-after",
	"delete-excluded",
	"ignore-missing-args",
	"delete-missing-args",
	"ignore-errors",
	"force",
	"partial",
	"delay-updates",
	"prune-empty-dirs",
	"numeric-ids",
	"ignore-times",
	"size-only",
	"fuzzy",
	"compress",
	"cvs-exclude",
	"from0",
	"old-args",
	"secluded-args",
	"protect-args",
	"trust-sender",
	"blocking-io",
	"stats",
	"8-bit-output",
	"human-readable",
	"progress",
	"itemize-changes",
	"list-only",
	"fsync",
	"ipv4",
	"ipv6",
};

static const char *const rsync_long_arguments[] = {
	"info",
	"debug",
	"stderr",
	"backup-dir",
	"suffix",
	"confine-root",
	"chmod",
	"checksum-choice",
	"cc",
	"block-size",
	"rsh",
	"rsync-path",
	"max-delete",
	"max-size",
	"min-size",
	"max-alloc",
	"partial-dir",
	"usermap",
	"groupmap",
	"chown",
	"timeout",
	"contimeout",
	"modify-window",
	"temp-dir",
	"compare-dest",
	"copy-dest",
	"link-dest",
	"compress-choice",
	"zc",
	"compress-level",
	"zl",
	"compress-threads",
	"zt",
	"skip-compress",
	"filter",
	"exclude",
	"exclude-from",
	"include",
	"include-from",
	"files-from",
	"copy-as",
	"address",
	"port",
	"sockopts",
	"outbuf",
	"remote-option",
	"out-format",
	"log-file",
	"log-file-format",
	"password-file",
	"early-input",
	"bwlimit",
	"stop-after",
	"stop-at",
	"write-batch",
	"only-write-batch",
	"read-batch",
	"protocol",
	"iconv",
	"checksum-seed",
};

#define LISTED(list, name, len) is_listed(list, sizeof(list) / sizeof(*(list)), name, len)

static bool is_listed(const char *const *list, size_t count, const char *name, size_t len) {
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == len && memcmp(list[i], name, len) == 0)
			return true;
	return false;
}

/* What rsync's words are worth so far. */
struct rsync_words {
	struct words words;
	size_t at;         /* the next one */
	const char *shell; /* -e; NULL: ssh */
};

static int rsync_long_read(struct rsync_words *rsync, const char *option) {
	size_t len = strcspn(option, "=");
	const char *value = option[len] == '=' ? option + len + 1 : NULL;

	if (value == NULL &&
	    (LISTED(rsync_long_flags, option, len) || strncmp(option, "no-", 3) == 0))
		return 0;
	if (!LISTED(rsync_long_arguments, option, len))
		return -EBADMSG;
	if (value == NULL) {
		if (rsync->at >= rsync->words.argc)
			return -EBADMSG;
		value = rsync->words.argv[rsync->at++];
	}
	if (strncmp(option, "rsh", len) == 0)
		rsync->shell = value;
	return 0;
}

static int rsync_short_read(struct rsync_words *rsync, const char *cluster) {
	for (; *cluster != '\0'; cluster++) {
		const char *value;

		if (strchr(RSYNC_FLAGS, *cluster) != NULL)
			continue;
		if (strchr(RSYNC_ARGUMENTS, *cluster) == NULL || cluster[1] == '=')
			return -EBADMSG;
		if (cluster[1] == '\0' && rsync->at >= rsync->words.argc)
			return -EBADMSG;
		value = cluster[1] != '\0' ? cluster + 1 : rsync->words.argv[rsync->at++];
		if (*cluster == 'e')
			rsync->shell = value;
		return 0;
	}
	return 0;
}

/* Takes the part of host:path that ssh is given, user and all, into *host. -ENOTSUP: a local path.
 * Two different hosts, and rsync's own protocol over ssh, are unknown. */
static int rsync_operand_read(const char **host, size_t *host_len, bool *has_daemon,
                              const char *operand) {
	CLEANUP(ssh_place_deinit) struct ssh_place place = {0};
	size_t len;
	int error;

	if (strncmp(operand, "rsync://", 8) == 0) {
		*has_daemon = true;
		return 0;
	}
	error = ssh_place_read_remote_path(&place, bytes_of_text(operand));
	if (error < 0)
		return error == -ENOTSUP ? 0 : error;
	/* Brackets would have to be taken off, and of two '@' rsync and ssh may take another one.
	 */
	len = strcspn(operand, ":");
	if (memchr(operand, '[', len) != NULL ||
	    memchr(operand, '@', len) !=
	            bytes_last((struct bytes){(const uint8_t *)operand, len}, '@'))
		return -EBADMSG;
	if (operand[len + 1] == ':') {
		*has_daemon = true;
		return 0;
	}
	if (*host != NULL && (*host_len != len || memcmp(*host, operand, len) != 0))
		return -EBADMSG;
	*host = operand;
	*host_len = len;
	return 0;
}

static int rsync_words_read(struct rsync_words *rsync, const char **host, size_t *host_len,
                            bool *has_daemon) {
	bool is_ended = false;
	size_t n_operands = 0;

	while (rsync->at < rsync->words.argc) {
		const char *word = rsync->words.argv[rsync->at++];
		int error;

		if (!is_ended && strcmp(word, "--") == 0) {
			is_ended = true;
			continue;
		}
		if (is_ended || word[0] != '-' || word[1] == '\0') {
			n_operands++;
			error = rsync_operand_read(host, host_len, has_daemon, word);
		} else if (word[1] == '-') {
			error = rsync_long_read(rsync, word + 2);
		} else {
			error = rsync_short_read(rsync, word + 1);
		}
		if (error < 0)
			return error;
	}
	return n_operands > 0 ? 0 : -EBADMSG;
}

int rsync_read(struct ssh_argv *ssh, struct words words) {
	CLEANUP(free_pointer) char *text = NULL;
	struct rsync_words rsync = {.words = words, .at = 1};
	const char *host = NULL;
	size_t host_len = 0;
	bool has_daemon = false;
	int error = rsync_words_read(&rsync, &host, &host_len, &has_daemon);

	if (error < 0)
		return error;
	if (has_daemon && (host != NULL || rsync.shell != NULL))
		return -EBADMSG;
	if (host == NULL) {
		ssh->state = SSH_ARGV_LOCAL;
		return 0;
	}
	error = ssh_name_copy(&text, (struct bytes){(const uint8_t *)host, host_len});
	if (error < 0)
		return error;
	/* rsync gives the user by -l; a host that looks like an option or a URI it refuses, or
	 * ssh would take it for one. */
	if (text[0] == '-')
		return -EBADMSG;
	return ssh_command_read(ssh, rsync.shell != NULL ? rsync.shell : "ssh", text);
}

/* false: not one that we are sure of. Perl's options may be shortened, and written in other ways.
 */
static bool mosh_option_read(const char *option, const char **shell) {
	static const char *const flags[] = {
		"-a", "-n", "-o", "-4", "-6", "--predict-overwrite", "--no-ssh-pty", "--no-init"};
	static const char *const arguments[] = {
		"client", "server",      "predict", "family",
		"port",   "bind-server", "ssh",     "experimental-remote-ip"};
	const char *value = strchr(option, '=');

	if (LISTED(flags, option, strlen(option)))
		return true;
	if (value == NULL || strncmp(option, "--", 2) != 0 ||
	    !LISTED(arguments, option + 2, (size_t)(value - option) - 2))
		return false;
	if (strncmp(option, "--ssh=", 6) == 0)
		*shell = value + 1;
	return true;
}

int mosh_read(struct ssh_argv *ssh, struct words words) {
	const char *shell = "ssh";
	size_t at = 1;

	for (; at < words.argc && words.argv[at][0] == '-'; at++) {
		if (strcmp(words.argv[at], "--") == 0) {
			at++;
			break;
		}
		if (strcmp(words.argv[at], "-p") == 0)
			at++; /* a port of mosh's own, not of ssh */
		else if (!mosh_option_read(words.argv[at], &shell))
			return -EBADMSG;
	}
	if (at >= words.argc || words.argv[at][0] == '-')
		return -EBADMSG;
	/* Options may also follow the host, up to "--". */
	for (size_t i = at + 1; i < words.argc && strcmp(words.argv[i], "--") != 0; i++)
		if (words.argv[i][0] == '-')
			return -EBADMSG;
	return ssh_command_read(ssh, shell, words.argv[at]);
}

/* mosh-client [-# TEXT] ADDRESS PORT, where the port is not ssh's, and the text is for ps. */
int mosh_client_read(struct ssh_argv *ssh, struct words words) {
	CLEANUP(ssh_place_deinit) struct ssh_place place = {0};
	size_t at = words.argc > 1 && strncmp(words.argv[1], "-#", 2) == 0 ? 2 : 1;
	int error;

	if (words.argc - at != 2 || words.argv[at][0] == '-')
		return -EBADMSG;
	error = ssh_name_copy(&place.host, bytes_of_text(words.argv[at]));
	if (error == 0)
		ssh_destination_set(ssh, &place);
	return error;
}
