#include "caller/destination.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define SSH_PORT 22

void host_names_deinit(struct host_names *host) {
	for (size_t i = 0; i < host->n_names; i++)
		free(host->names[i]);
	free(host->names);
	*host = (struct host_names){0};
}

void destination_deinit(struct destination *destination) {
	free(destination->ssh_dest);
	free(destination->typed);
	host_names_deinit(&destination->host);
	for (size_t i = 0; i < destination->n_hops; i++)
		host_names_deinit(&destination->hops[i]);
	free(destination->hops);
	free(destination->git_repo);
	free(destination->git_operation);
	*destination = (struct destination){0};
}

/* Takes the name over. */
static int add(struct host_names *host, char *name) {
	char **grown;

	for (size_t i = 0; name != NULL && i < host->n_names; i++) {
		if (strcmp(host->names[i], name) != 0)
			continue;
		free(name);
		return 0;
	}
	grown = name != NULL ? array_resize(host->names, host->n_names + 1, sizeof(*grown)) : NULL;
	if (grown == NULL) {
		free(name);
		return -ENOMEM;
	}
	host->names = grown;
	host->names[host->n_names++] = name;
	return 0;
}

int host_names_add(struct host_names *host, struct bytes name, uint16_t port) {
	bool dotted = name.len > 1 && name.data[name.len - 1] == '.';
	/* "example.org." is example.org, written out. */
	char *copy = strndup((const char *)name.data, name.len - dotted);
	char *with_port = NULL;
	int error;

	for (char *at = copy; at != NULL && *at != '\0'; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	if (copy != NULL && port != 0 && port != SSH_PORT &&
	    asprintf(&with_port, "[%s]:%u", copy, (unsigned)port) < 0) {
		free(copy);
		return -ENOMEM;
	}
	error = add(host, copy);
	if (error < 0)
		free(with_port);
	else if (with_port != NULL)
		error = add(host, with_port);
	return error;
}

int destination_set_text(struct destination *destination, struct bytes user) {
	const struct host_names *host = &destination->host;
	char *text = NULL;

	if (host->n_names == 0)
		return 0;
	if (user.data == NULL || user.len == 0)
		text = strdup(host->names[0]);
	else if (asprintf(&text, "%.*s@%s", (int)user.len, (const char *)user.data,
	                  host->names[0]) < 0)
		text = NULL;
	if (text == NULL)
		return -ENOMEM;
	free(destination->ssh_dest);
	destination->ssh_dest = text;
	return 0;
}

int destination_set_git(struct destination *destination, const struct ssh_argv *claim) {
	if (claim->state == SSH_ARGV_UNKNOWN)
		return 0;
	destination->git_operation = strdup(git_operation_name(claim->git_operation));
	destination->git_repo = strdup(claim->git_repo != NULL ? claim->git_repo : "");
	return destination->git_operation != NULL && destination->git_repo != NULL ? 0 : -ENOMEM;
}
