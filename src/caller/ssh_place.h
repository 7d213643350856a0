/* Where a command line of OpenSSH's programs points: "user@host", "host:port", "ssh://user@host".
 */
#ifndef CALLER_SSH_PLACE_H
#define CALLER_SSH_PLACE_H

#include "base/bytes.h"
#include "base/cleanup.h"

#define SSH_NAME_LEN_MAX 1024 /* as NI_MAXHOST; a user's name is far shorter */

struct ssh_place {
	char *user;    /* owned; NULL: not said */
	char *host;    /* owned; without brackets */
	uint16_t port; /* 0: not said */
};

void ssh_place_deinit(struct ssh_place *place);

/* All of these: -EBADMSG where OpenSSH would refuse the text, or where we cannot be sure how it
 * reads it; -ENOMEM. */

/* A number from 1 to 65535. OpenSSH takes names of services, too, which we do not look up. */
int ssh_port_read(uint16_t *ret, struct bytes text) MUST_CHECK;

/* ssh's destination: a URI, or [user@]host. */
int ssh_place_read_destination(struct ssh_place *ret, struct bytes text) MUST_CHECK;

/* One of ProxyJump's: a URI, or [user@]host[:port]. */
int ssh_place_read_hop(struct ssh_place *ret, struct bytes text) MUST_CHECK;

/* scheme://[user@]host[:port][/path]. -ENOTSUP: the text does not begin with "scheme://". */
int ssh_place_read_uri(struct ssh_place *ret, const char *scheme, bool may_have_path,
                       struct bytes text) MUST_CHECK;

/* [user@]host:path, as scp and rsync take it. -ENOTSUP: a local path. */
int ssh_place_read_remote_path(struct ssh_place *ret, struct bytes text) MUST_CHECK;

/* An owned copy with a NUL behind it. -EBADMSG: empty, or longer than SSH_NAME_LEN_MAX. */
int ssh_name_copy(char **ret, struct bytes text) MUST_CHECK;

#endif
