/* scp and sftp, which run ssh by themselves. */
#include <errno.h>

#include "caller/option_walk.h"
#include "caller/ssh_argv_programs.h"

#define SCP_LETTERS  "12346ABCTdfOpqRrstvD:F:J:M:P:S:c:i:l:o:X:"
#define SFTP_LETTERS "1246AafhNpqrvCc:D:i:l:o:s:S:b:B:F:J:P:R:X:"

/* Those of both programs that say where ssh goes: they hand them on, but for -P. */
static int option_read(struct ssh_argv *ssh, int letter, const char *argument) {
	switch (letter) {
	case '1': return -EBADMSG;
	case 'S': return -EBADMSG; /* another program than ssh */
	case 'J':
		if (ssh->proxy_is_said)
			return -EBADMSG;
		return ssh_jumps_read(ssh, bytes_of_text(argument));
	case 'o': return ssh_config_read(ssh, argument);
	default: return 0;
	}
}

/* -P comes behind all -o, and the last one counts. */
static int options_read(struct ssh_argv *ssh, struct option_walk *walk, bool *ret_is_local,
                        const char *local_letters) {
	uint16_t port = 0;
	int letter;

	while ((letter = option_walk_next(walk)) >= 0) {
		int error = option_read(ssh, letter, walk->argument);

		if (error == 0 && letter == 'P')
			error = ssh_port_read(&port, bytes_of_text(walk->argument));
		if (error < 0)
			return error;
		if (strchr(local_letters, letter) != NULL)
			*ret_is_local = true;
	}
	if (ssh->destination.port == 0)
		ssh->destination.port = port;
	return letter == OPTION_BAD ? -EBADMSG : 0;
}

static bool texts_equal(const char *a, const char *b) {
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Several operands may name one place, but no two. */
static int place_join(struct ssh_argv *ssh, struct ssh_place *joint, struct ssh_place *place) {
	if (ssh->state != SSH_ARGV_HOST) {
		ssh->state = SSH_ARGV_HOST;
		*joint = *place;
		*place = (struct ssh_place){0};
		return 0;
	}
	return texts_equal(joint->host, place->host) && texts_equal(joint->user, place->user) &&
	                       joint->port == place->port
	               ? 0
	               : -EBADMSG;
}

int scp_read(struct ssh_argv *ssh, struct words words) {
	CLEANUP(ssh_place_deinit) struct ssh_place joint = {0};
	struct option_walk walk = option_walk_over(words.argv, words.argc, 1, SCP_LETTERS);
	bool is_local = false;
	/* -t and -f are the far side of a copy; -D runs a server here. */
	int error = options_read(ssh, &walk, &is_local, "tfD");

	if (error < 0)
		return error;
	if (!is_local && walk.argc - walk.at < 2)
		return -EBADMSG;
	for (size_t i = walk.at; i < walk.argc && !is_local; i++) {
		CLEANUP(ssh_place_deinit) struct ssh_place place = {0};
		struct bytes operand = bytes_of_text(walk.argv[i]);

		error = ssh_place_read_uri(&place, "scp", true, operand);
		if (error == -ENOTSUP)
			error = ssh_place_read_remote_path(&place, operand);
		if (error == -ENOTSUP)
			continue;
		if (error == 0)
			error = place_join(ssh, &joint, &place);
		if (error < 0)
			return error;
	}
	if (ssh->state == SSH_ARGV_HOST)
		ssh_destination_set(ssh, &joint);
	else
		ssh->state = SSH_ARGV_LOCAL;
	return 0;
}

int sftp_read(struct ssh_argv *ssh, struct words words) {
	CLEANUP(ssh_place_deinit) struct ssh_place place = {0};
	struct option_walk walk = option_walk_over(words.argv, words.argc, 1, SFTP_LETTERS);
	bool is_local = false;
	int error = options_read(ssh, &walk, &is_local, "D");
	struct bytes operand;

	if (error < 0)
		return error;
	if (is_local) {
		ssh->state = SSH_ARGV_LOCAL;
		return 0;
	}
	if (walk.argc - walk.at < 1 || walk.argc - walk.at > 2)
		return -EBADMSG;
	operand = bytes_of_text(walk.argv[walk.at]);
	error = ssh_place_read_uri(&place, "sftp", true, operand);
	if (error == -ENOTSUP)
		error = ssh_place_read_remote_path(&place, operand);
	if (error == -ENOTSUP)
		error = ssh_place_read_hop(&place, operand);
	if (error < 0)
		return error;
	ssh_destination_set(ssh, &place);
	return 0;
}
