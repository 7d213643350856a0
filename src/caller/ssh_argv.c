#include "caller/ssh_argv.h"

#include <errno.h>

#include "caller/option_walk.h"
#include "caller/ssh_argv_programs.h"

/* OpenSSH 10's. Up to 9.3 -P took no argument and meant nothing; nobody wrote it. */
#define SSH_LETTERS "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy"

#define COMMAND_WORDS_MAX 64 /* of -e and --ssh */

void ssh_argv_deinit(struct ssh_argv *ssh) {
	ssh_place_deinit(&ssh->destination);
	for (size_t i = 0; i < ssh->n_jumps; i++)
		ssh_place_deinit(&ssh->jumps[i]);
	free(ssh->host_name);
	free(ssh->host_key_alias);
	free(ssh->control_path);
	free(ssh->git_repo);
	*ssh = (struct ssh_argv){0};
}

void ssh_destination_set(struct ssh_argv *ssh, struct ssh_place *place) {
	if (ssh->destination.user == NULL)
		ssh->destination.user = TAKE(place->user);
	if (ssh->destination.port == 0)
		ssh->destination.port = place->port;
	free(ssh->destination.host);
	ssh->destination.host = TAKE(place->host);
	ssh_place_deinit(place);
	ssh->state = SSH_ARGV_HOST;
}

/* What ssh was told beside its destination. */
struct manner {
	bool logs_in_nowhere; /* -V, -Q, -G, -O */
	bool is_subsystem;    /* -s: the command is no command */
};

static int option_read(struct ssh_argv *ssh, struct manner *manner, int letter,
                       const char *argument) {
	char *text = NULL;
	uint16_t port;
	int error;

	switch (letter) {
	case '1': return -EBADMSG; /* ssh refuses it */
	case 'G':
	case 'O':
	case 'Q':
	case 'V': manner->logs_in_nowhere = true; return 0;
	case 'F':
	case 'P': ssh->has_config = true; return 0;
	case 'A':
	case 'R': ssh->takes_along = true; return 0;
	case 's': manner->is_subsystem = true; return 0;
	case 'J':
		if (ssh->proxy_is_said)
			return -EBADMSG; /* ssh refuses that, too */
		return ssh_jumps_read(ssh, bytes_of_text(argument));
	case 'l':
		if (ssh->destination.user != NULL)
			return 0;
		return ssh_name_copy(&ssh->destination.user, bytes_of_text(argument));
	case 'o': return ssh_config_read(ssh, argument);
	case 'p':
		if (ssh_port_read(&port, bytes_of_text(argument)) < 0)
			return -EBADMSG;
		if (ssh->destination.port == 0)
			ssh->destination.port = port;
		return 0;
	case 'S': /* the last one holds, also over ControlPath */
		error = ssh_name_copy(&text, bytes_of_text(argument));
		if (error < 0)
			return error;
		free(ssh->control_path);
		ssh->control_path = text;
		return 0;
	default: return 0; /* does not say where it goes */
	}
}

static int options_read(struct ssh_argv *ssh, struct manner *manner, struct option_walk *walk) {
	int letter;

	while ((letter = option_walk_next(walk)) >= 0) {
		int error = option_read(ssh, manner, letter, walk->argument);

		if (error < 0)
			return error;
		/* It ends there, whatever follows. */
		if (letter == 'V' || letter == 'Q')
			break;
	}
	return letter == OPTION_BAD ? -EBADMSG : 0;
}

static int command_read(struct ssh_argv *ssh, const struct manner *manner,
                        const struct option_walk *walk) {
	/* git gives its command as one argument. ssh would put blanks between several. */
	if (manner->is_subsystem || walk->argc - walk->at != 1)
		return 0;
	return git_command_read(&ssh->git_operation, &ssh->git_repo, walk->argv[walk->at]);
}

int ssh_read(struct ssh_argv *ssh, struct words words) {
	CLEANUP(ssh_place_deinit) struct ssh_place place = {0};
	struct option_walk walk = option_walk_over(words.argv, words.argc, 1, SSH_LETTERS);
	struct manner manner = {0};
	bool is_ended;
	int error = options_read(ssh, &manner, &walk);

	if (error == 0 && manner.logs_in_nowhere) {
		ssh->state = SSH_ARGV_LOCAL;
		return 0;
	}
	if (error < 0 || walk.at >= walk.argc)
		return error < 0 ? error : -EBADMSG;
	/* ssh looks at the word before the destination, which may be the argument of an option. */
	is_ended = walk.at > 1 && strcmp(walk.argv[walk.at - 1], "--") == 0;
	error = ssh_place_read_destination(&place, bytes_of_text(walk.argv[walk.at]));
	if (error < 0)
		return error;
	ssh_destination_set(ssh, &place);
	walk.at++;
	if (!is_ended)
		error = options_read(ssh, &manner, &walk);
	if (error == 0 && manner.logs_in_nowhere)
		ssh->state = SSH_ARGV_LOCAL;
	return error < 0 ? error : command_read(ssh, &manner, &walk);
}

/* "ssh: /path [mux]", which ssh calls itself where ControlPersist keeps it in the background. What
 * was left of its arguments is overwritten by zeros. */
static bool master_read(int *ret_error, struct ssh_argv *ssh, struct words words) {
	static const char before[] = "ssh: ", behind[] = " [mux]";
	struct bytes title = bytes_of_text(words.argv[0]);
	size_t around = sizeof(before) - 1 + sizeof(behind) - 1;

	if (title.len <= around || memcmp(title.data, before, sizeof(before) - 1) != 0)
		return false;
	*ret_error = -EBADMSG;
	if (memcmp(title.data + title.len - (sizeof(behind) - 1), behind, sizeof(behind) - 1) != 0)
		return true;
	for (size_t i = 1; i < words.argc; i++)
		if (words.argv[i][0] != '\0')
			return true;
	*ret_error = ssh_name_copy(
		&ssh->control_path,
		(struct bytes){title.data + sizeof(before) - 1, title.len - around});
	ssh->state = SSH_ARGV_MASTER;
	return true;
}

static int ssh_or_master_read(struct ssh_argv *ssh, struct words words) {
	int error = 0;

	return master_read(&error, ssh, words) ? error : ssh_read(ssh, words);
}

/* mosh is a script, so its command line is perl's. */
static int perl_read(struct ssh_argv *ssh, struct words words) {
	const char *script = words.argc > 1 ? words.argv[1] : "";
	const char *slash = strrchr(script, '/');

	if (strcmp(slash != NULL ? slash + 1 : script, "mosh") == 0)
		return mosh_read(ssh, (struct words){words.argv + 1, words.argc - 1});
	ssh->state = SSH_ARGV_OTHER;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct ssh_argv *ssh, struct words words);
} programs[] = {
	{"ssh", ssh_or_master_read},
	{"scp", scp_read},
	{"sftp", sftp_read},
	{"rsync", rsync_read},
	{"mosh-client", mosh_client_read},
	{"perl", perl_read},
};

int ssh_argv_read(struct ssh_argv *ret, const char *program, const char *const *argv, size_t argc,
                  bool is_cut) {
	struct ssh_argv ssh = {.state = SSH_ARGV_OTHER};
	int error = 0;

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (strcmp(program, programs[i].name) != 0)
			continue;
		ssh.state = SSH_ARGV_UNKNOWN;
		error = is_cut || argc == 0 ? -EBADMSG
		                            : programs[i].read(&ssh, (struct words){argv, argc});
		break;
	}
	if (error < 0)
		ssh_argv_deinit(&ssh);
	if (error < 0 && error != -EBADMSG)
		return error;
	*ret = ssh;
	return 0;
}

int ssh_argv_of(struct ssh_argv *ret, const struct process *process) {
	const char *name = process->name;
	const char *slash;

	if (process->argv == NULL || process->argc == 0) {
		*ret = (struct ssh_argv){.state = process->argv == NULL ? SSH_ARGV_UNKNOWN
		                                                        : SSH_ARGV_OTHER};
		return 0;
	}
	if (name == NULL || *name == '\0') {
		slash = strrchr(process->argv[0], '/');
		name = slash != NULL ? slash + 1 : process->argv[0];
		/* A master calls itself "ssh: /path [mux]". */
		if (strncmp(process->argv[0], "ssh: ", 5) == 0)
			name = "ssh";
	}
	return ssh_argv_read(ret, name, (const char *const *)process->argv, process->argc,
	                     process->argv_cut);
}

size_t ssh_argv_names(const char *ret[static SSH_ARGV_NAMES_MAX], const struct ssh_argv *ssh) {
	size_t n_names = 0;

	if (ssh->state != SSH_ARGV_HOST)
		return 0;
	/* ssh looks up that one, and no other. */
	if (ssh->host_key_alias != NULL) {
		ret[n_names++] = ssh->host_key_alias;
		return n_names;
	}
	if (ssh->host_name != NULL && strchr(ssh->host_name, '%') == NULL)
		ret[n_names++] = ssh->host_name;
	if (n_names == 0 || strcmp(ssh->host_name, ssh->destination.host) != 0)
		ret[n_names++] = ssh->destination.host;
	return n_names;
}

/* rsync and mosh cut at blanks, as we do; what they make of quotes is left to them. */
int ssh_command_read(struct ssh_argv *ssh, const char *command, const char *host) {
	CLEANUP(free_pointer) char *text = NULL;
	const char *argv[COMMAND_WORDS_MAX + 1];
	size_t argc = 0;
	char *rest, *word;
	const char *slash;

	if (strpbrk(command, "'\"\\\t\n") != NULL)
		return -EBADMSG;
	text = strdup(command);
	if (text == NULL)
		return -ENOMEM;
	rest = text;
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (argc == COMMAND_WORDS_MAX)
			return -EBADMSG;
		argv[argc++] = word;
	}
	if (argc == 0)
		return -EBADMSG;
	slash = strrchr(argv[0], '/');
	if (strcmp(slash != NULL ? slash + 1 : argv[0], "ssh") != 0)
		return -EBADMSG;
	argv[argc++] = host;
	return ssh_read(ssh, (struct words){argv, argc});
}
