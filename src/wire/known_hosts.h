/*
 * The known_hosts files of OpenSSH (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), read as its hostfile.c
 * does and turned around: ssh asks which keys a name has, the guard which names a key has.
 *
 * So a host key is known even where its names are hashed, and a hashed name can be checked against
 * one that somebody claims. Keys are kept as the SHA-256 of their canonical form, because a large
 * file of RSA keys would cost ten times the memory.
 *
 * "Known" means no more than that somebody of this account, or root, wrote it down.
 */
#ifndef WIRE_KNOWN_HOSTS_H
#define WIRE_KNOWN_HOSTS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/tri.h"

#define HOST_NAME_LEN_MAX         1024               /* as NI_MAXHOST, which ssh itself goes by */
#define KNOWN_HOSTS_NAMES_LEN_MAX (64 * 1024)        /* of one line; thousands of names fit */
#define KNOWN_HOSTS_BYTES_MAX     (64 * 1024 * 1024) /* of all files together */

enum known_hosts_origin { KNOWN_HOSTS_USER, KNOWN_HOSTS_SYSTEM };

struct known_hosts;

/* Empty; it belongs to the caller. -ENOMEM. */
int known_hosts_new(struct known_hosts **ret) MUST_CHECK;
void known_hosts_free(struct known_hosts *hosts); /* NULL is fine */

/* Adds all lines of one file. -ENOMEM, or -EFBIG beyond KNOWN_HOSTS_BYTES_MAX: the index is then to
 * be thrown away, because what it lacks may be a revocation. */
int known_hosts_add(struct known_hosts *hosts, struct bytes text,
                    enum known_hosts_origin origin) MUST_CHECK;

/* Comments and empty lines do not count. */
struct known_hosts_counts {
	size_t used;
	/* Passed over, as ssh does: not well-formed, or not able to fit to any host. */
	size_t malformed;
	/* Of the used ones, those with a type of key that we do not know. ssh passes them over if
	 * it does not know the type either. */
	size_t unknown_types;
};
struct known_hosts_counts known_hosts_counts(const struct known_hosts *hosts);

/* What the files say of a host key. Zeroed memory says nothing. */
struct known_host {
	enum tri by_user; /* in a user's file; TRI_NO where the key is revoked */
	enum tri by_system;
	/* @revoked in any file, whatever hosts that line is for; or a certificate's CA is. Wider
	 * than ssh, which asks for one host: the guard cannot always tell which one it is. */
	bool is_revoked;
};

/* The key by itself. A certificate is taken for the key in it, as ssh does where it does not trust
 * the CA. -EBADMSG: malformed, or a certificate of unknown type; nothing can be said of it. */
int known_hosts_find(struct known_host *ret, const struct known_hosts *hosts,
                     struct bytes host_key) MUST_CHECK;

/* The certificate by its CA: whether a @cert-authority line for this host names the CA, and a
 * principal of the certificate fits to the host. Whether the CA's signature is right, and whether
 * the certificate is in force, is host_key.h's to say. TRI_UNKNOWN: it would take too long to tell.
 * -EBADMSG: no well-formed certificate. */
int known_hosts_find_certificate(struct known_host *ret, const struct known_hosts *hosts,
                                 struct bytes certificate, const char *host,
                                 uint16_t port) MUST_CHECK;

/* Whether a line (hashed or not) lists this key for this host, which ssh writes "[host]:port" where
 * the port is neither 0 nor 22. As above a certificate is taken for its key, and a revoked key has
 * no name. ssh also takes a key that is listed without the port, where no other is listed with it:
 * to allow for that, ask again with port 0. TRI_UNKNOWN: it would take too long to tell, or the key
 * is none. */
enum tri known_hosts_has_name(const struct known_hosts *hosts, struct bytes host_key,
                              const char *host, uint16_t port);

/* Whether any line lists any key for this host. TRI_UNKNOWN: it would take too long to tell. */
enum tri known_hosts_knows_name(const struct known_hosts *hosts, const char *host, uint16_t port);

struct known_host_name {
	struct bytes host; /* in lower case, without brackets */
	uint16_t port;
};

/* The names of the key that can be read: no patterns, nothing hashed. A certificate is taken for
 * its key. The shortest come first, each once; writes at most max of them, and tells how many.
 * Views point into the index. */
size_t known_hosts_names(const struct known_hosts *hosts, struct bytes host_key,
                         struct known_host_name *ret, size_t max);

/* In the same way, the principals of a certificate that are no patterns, as far as its CA may
 * certify them; 0 where it is none. What that is worth is for known_hosts_find_certificate() and
 * host_key.h to say. Views point into the certificate. */
size_t known_hosts_principals(const struct known_hosts *hosts, struct bytes certificate,
                              struct known_host_name *ret, size_t max);

/* Whether the key has names that cannot be read: patterns, or hashed ones that none of these names
 * fits, of which there are count. So it is where the key is none, or where it would take too long to
 * tell. */
bool known_hosts_hides_names(const struct known_hosts *hosts, struct bytes host_key,
                             const struct known_host_name *names, size_t count);

/* In the same way, whether known_hosts_principals() leaves out names that the certificate may have
 * by its CA: principals that are patterns, and hosts of the CA's lines that are hashed or have a
 * port. */
bool known_hosts_hides_principals(const struct known_hosts *hosts, struct bytes certificate);

#endif
