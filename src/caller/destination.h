/* A struct destination filled and emptied; what it says is for its makers to know. */
#ifndef CALLER_DESTINATION_H
#define CALLER_DESTINATION_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "caller/ssh_argv.h"
#include "facts/destination.h"

void host_names_deinit(struct host_names *host); /* zeroes it, as the next one */
void destination_deinit(struct destination *destination);

/* Adds the name in lower case, and "[name]:port" where the port is neither 0 nor 22; each once.
 * -ENOMEM. */
int host_names_add(struct host_names *host, struct bytes name, uint16_t port) MUST_CHECK;

/* Sets ssh_dest, of the first name; where there is none it stays not known. user.data is NULL where
 * nobody knows the user. -ENOMEM. */
int destination_set_text(struct destination *destination, struct bytes user) MUST_CHECK;

/* Sets what the command line says of git, where it can be told. -ENOMEM. */
int destination_set_git(struct destination *destination, const struct ssh_argv *claim) MUST_CHECK;

#endif
