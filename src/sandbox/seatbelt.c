#include "sandbox/seatbelt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/plan.h"
#include "sandbox/sbpl.h"
#include "sandbox/words.h"

/* What every program needs to begin at all, and nothing by which others do something for it: no
 * service of launchd's, the Keychain, Launch Services, Apple Events, the pasteboard or preferences
 * is named, no task of others, no device. A name that a version of macOS does not know would have
 * it refuse the whole profile, so nothing is named only to be denied. The number is TIOCSTI's, in
 * decimal because not every version reads it otherwise. */
static const char beginning[] =
	"(version 1)\n"
	"(deny default)\n"
	"(allow process-exec)\n"
	"(allow process-fork)\n"
	"(allow process-info* (target same-sandbox))\n"
	"(allow signal (target same-sandbox))\n"
	"(allow sysctl-read\n"
	"  (sysctl-name-prefix \"hw.\")\n"
	"  (sysctl-name-prefix \"kern.os\")\n"
	"  (sysctl-name-prefix \"machdep.\")\n"
	"  (sysctl-name-prefix \"net.routetable.\")\n"
	"  (sysctl-name-prefix \"sysctl.\")\n"
	"  (sysctl-name-prefix \"vm.\")\n"
	"  (sysctl-name \"kern.argmax\")\n"
	"  (sysctl-name \"kern.bootargs\")\n"
	"  (sysctl-name \"kern.boottime\")\n"
	"  (sysctl-name \"kern.clockrate\")\n"
	"  (sysctl-name \"kern.hostname\")\n"
	"  (sysctl-name \"kern.iossupportversion\")\n"
	"  (sysctl-name \"kern.maxfiles\")\n"
	"  (sysctl-name \"kern.maxfilesperproc\")\n"
	"  (sysctl-name \"kern.maxproc\")\n"
	"  (sysctl-name \"kern.maxprocperuid\")\n"
	"  (sysctl-name \"kern.ngroups\")\n"
	"  (sysctl-name \"kern.secure_kernel\")\n"
	"  (sysctl-name \"kern.usrstack64\")\n"
	"  (sysctl-name \"kern.version\")\n"
	"  (sysctl-name \"security.mac.lockdown_mode_state\"))\n"
	"(allow mach-lookup\n"
	"  (global-name \"com.apple.bsd.dirhelper\")\n"
	"  (global-name \"com.apple.logd\")\n"
	"  (global-name \"com.apple.system.logger\")\n"
	"  (global-name \"com.apple.system.notification_center\")\n"
	"  (global-name \"com.apple.system.opendirectoryd.libinfo\")\n"
	"  (global-name \"com.apple.system.opendirectoryd.membership\"))\n"
	"(allow ipc-posix-sem)\n"
	"(allow ipc-posix-shm-read-data (ipc-posix-name \"apple.shm.notification_center\"))\n"
	"(allow pseudo-tty)\n"
	"(allow file-map-executable)\n"
	"(allow system-socket (socket-domain AF_UNIX))\n";

/* The system; less what others keep for a while, devices, and the second way to the user's files.
 */
static const char system_files[] =
	"(allow file-read*)\n"
	"(deny file-read* file-write*\n"
	"  (subpath \"/System/Volumes/Data\")\n"
	"  (subpath \"/dev\")\n"
	"  (subpath \"/private/tmp\")\n"
	"  (subpath \"/private/var/folders\")\n"
	"  (subpath \"/private/var/tmp\"))\n"
	"(allow file-read-metadata (subpath \"/dev\"))\n"
	"(allow file-read*\n"
	"  (literal \"/dev\")\n"
	"  (literal \"/dev/autofs_nowait\")\n"
	"  (literal \"/dev/fd\")\n"
	"  (literal \"/dev/random\")\n"
	"  (literal \"/dev/stderr\")\n"
	"  (literal \"/dev/stdin\")\n"
	"  (literal \"/dev/stdout\")\n"
	"  (literal \"/dev/urandom\"))\n"
	"(allow file-read* file-write*\n"
	"  (literal \"/dev/dtracehelper\")\n"
	"  (literal \"/dev/null\")\n"
	"  (literal \"/dev/ptmx\")\n"
	"  (literal \"/dev/tty\")\n"
	"  (literal \"/dev/zero\")\n"
	"  (regex #\"^/dev/fd/[0-9]+$\"))\n"
	"(allow file-ioctl\n"
	"  (literal \"/dev/dtracehelper\")\n"
	"  (literal \"/dev/ptmx\")\n"
	"  (literal \"/dev/tty\"))\n"
	/* Those that it makes for itself. */
	"(allow file-read* file-write* file-ioctl\n"
	"  (require-all (regex #\"^/dev/ttys[0-9]+$\") (extension \"com.apple.sandbox.pty\")))\n";

static const char no_typing[] = "(deny file-ioctl (ioctl-command 2147578994))\n";

/* With what fetches from addresses that a certificate names, which anybody can make. */
static const char network[] =
	"(allow network-outbound (remote ip \"*:*\"))\n"
	"(allow network-inbound (local ip \"*:*\"))\n"
	"(allow network-bind (local ip \"*:*\"))\n"
	"(allow network-outbound\n"
	"  (remote unix-socket (path-literal \"/private/var/run/mDNSResponder\")))\n"
	"(allow system-socket (require-all (socket-domain AF_SYSTEM) (socket-protocol 2)))\n"
	"(allow mach-lookup\n"
	"  (global-name \"com.apple.SystemConfiguration.DNSConfiguration\")\n"
	"  (global-name \"com.apple.SystemConfiguration.configd\")\n"
	"  (global-name \"com.apple.dnssd.service\")\n"
	"  (global-name \"com.apple.networkd\")\n"
	"  (global-name \"com.apple.ocspd\")\n"
	"  (global-name \"com.apple.trustd\")\n"
	"  (global-name \"com.apple.trustd.agent\"))\n";

struct writer {
	struct buffer *profile;
	const struct seatbelt *seatbelt;
	char **ret_why;
	int error;
	struct words told, pinned; /* directories that have their rule */
};

__attribute__((format(printf, 2, 3))) static void explain(struct writer *writer, const char *format,
                                                          ...) {
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(writer->ret_why, format, arguments) < 0)
		*writer->ret_why = NULL;
	va_end(arguments);
}

static void put(struct writer *writer, const char *text) {
	buffer_put_raw(writer->profile, bytes_of_text(text));
}

static void put_path(struct writer *writer, const char *path) {
	const char *why = writer->error == 0 ? sbpl_put_string(writer->profile, path) : NULL;

	if (why == NULL)
		return;
	writer->error = -EINVAL;
	explain(writer, "%s: has %s, so that no rule of a sandbox can name it (rename it)", path,
	        why);
}

/* "(allow OPERATIONS (FILTER "PATH"))"; rule is all of it up to the path. */
static void put_rule(struct writer *writer, const char *rule, const char *path,
                     const char *closing) {
	put(writer, rule);
	put_path(writer, path);
	put(writer, closing);
}

/* ---- files ---- */

static void put_view(struct writer *writer) {
	const struct view *view = writer->seatbelt->view;

	for (size_t i = 0; i < view->count; i++) {
		const char *path = view->entries[i].path;

		switch (view->entries[i].kind) {
		case VIEW_READABLE:
			put_rule(writer, "(allow file-read* (subpath ", path, "))\n");
			put_rule(writer, "(deny file-write* (subpath ", path, "))\n");
			break;
		case VIEW_WRITABLE:
			put_rule(writer, "(allow file-read* file-write* (subpath ", path, "))\n");
			break;
		case VIEW_EMPTY:
		case VIEW_BLANK:
		case VIEW_ABSENT:
			put_rule(writer, "(deny file-read* file-write* (subpath ", path, "))\n");
			break;
		}
	}
}

static bool is_in_reach(const struct seatbelt *seatbelt, const char *path) {
	const struct view *view = seatbelt->view;

	if (path_is_below(path, seatbelt->scratch))
		return true;
	for (size_t i = 0; i < view->count; i++)
		if (view->entries[i].kind == VIEW_WRITABLE &&
		    path_is_below(path, view->entries[i].path))
			return true;
	return false;
}

typedef void taker(struct writer *writer, const char *directory);

static void each_above(struct writer *writer, const char *path, taker *take) {
	CLEANUP(free_pointer) char *above = strdup(path);
	char *slash = above != NULL ? strrchr(above, '/') : NULL;

	if (above == NULL)
		writer->error = -ENOMEM;
	for (; slash != NULL; slash = strrchr(above, '/')) {
		*slash = '\0';
		take(writer, *above != '\0' ? above : "/");
	}
}

/* Under another name, or with another directory under its name, no rule would fit any more. */
static void put_pin(struct writer *writer, const char *directory) {
	if (!is_in_reach(writer->seatbelt, directory) || words_have(&writer->pinned, directory))
		return;
	words_add(&writer->pinned, directory);
	put_rule(writer, "(deny file-write* file-write-unlink (literal ", directory, "))\n");
}

static void put_pins(struct writer *writer) {
	const struct view *view = writer->seatbelt->view;

	put_pin(writer, writer->seatbelt->scratch);
	for (size_t i = 0; i < view->count; i++) {
		put_pin(writer, view->entries[i].path);
		each_above(writer, view->entries[i].path, put_pin);
	}
}

/* Whoever looks where it is asks for each directory up to the root, and whoever connects to a
 * socket may look whether it is there. What is in them is not told by it. */
static void put_metadata(struct writer *writer, const char *path) {
	if (words_have(&writer->told, path))
		return;
	words_add(&writer->told, path);
	put_rule(writer, "(allow file-read-metadata (literal ", path, "))\n");
}

static void put_ways(struct writer *writer) {
	const struct seatbelt *seatbelt = writer->seatbelt;
	const struct view *view = seatbelt->view;

	for (size_t i = 0; i < view->count; i++)
		if (view->entries[i].kind == VIEW_READABLE ||
		    view->entries[i].kind == VIEW_WRITABLE)
			each_above(writer, view->entries[i].path, put_metadata);
	each_above(writer, seatbelt->program, put_metadata);
	each_above(writer, seatbelt->scratch, put_metadata);
	each_above(writer, seatbelt->socket, put_metadata);
	put_metadata(writer, seatbelt->socket);
	for (size_t i = 0; i < seatbelt->n_sockets; i++) {
		each_above(writer, seatbelt->sockets[i], put_metadata);
		put_metadata(writer, seatbelt->sockets[i]);
	}
}

static void put_files(struct writer *writer) {
	const struct seatbelt *seatbelt = writer->seatbelt;

	put(writer, system_files);
	for (size_t i = 0; i < seatbelt->n_terminals; i++)
		put_rule(writer, "(allow file-read* file-write* file-ioctl (literal ",
		         seatbelt->terminals[i], "))\n");
	put(writer, no_typing);
	put_view(writer);
	put_rule(writer, "(allow file-read* file-write* (subpath ", seatbelt->scratch, "))\n");
	put_rule(writer, "(allow file-read* (literal ", seatbelt->program, "))\n");
	put_ways(writer);
	put_pins(writer);
}

/* ---- sockets ---- */

/* To connect is no use of a file there, so no rule on files has a say in it. */
static void put_sockets(struct writer *writer) {
	const struct seatbelt *seatbelt = writer->seatbelt;
	static const char connect[] = "(allow network-outbound (remote unix-socket (path-literal ";

	put_rule(writer, connect, seatbelt->socket, ")))\n");
	for (size_t i = 0; i < seatbelt->n_sockets; i++)
		put_rule(writer, connect, seatbelt->sockets[i], ")))\n");
	/* Those that it makes for itself. */
	put_rule(writer, "(allow network-outbound (remote unix-socket (subpath ", seatbelt->scratch,
	         ")))\n");
	put_rule(writer, "(allow network-bind network-inbound (local unix-socket (subpath ",
	         seatbelt->scratch, ")))\n");
}

static int finish(struct writer *writer, size_t len) {
	int error = writer->error != 0 ? writer->error : buffer_error(writer->profile);

	if (error == 0)
		error = writer->told.error != 0 ? writer->told.error : writer->pinned.error;
	if (error == 0 && len > SEATBELT_PROFILE_LEN_MAX) {
		error = -E2BIG;
		explain(writer,
		        "the profile of the sandbox has more than %zu bytes: there are too many "
		        "submodules, worktrees and options",
		        SEATBELT_PROFILE_LEN_MAX);
	}
	words_deinit(&writer->told);
	words_deinit(&writer->pinned);
	return error;
}

int seatbelt_profile(struct buffer *profile, char **ret_why, const struct seatbelt *seatbelt) {
	struct writer writer = {.profile = profile,
	                        .seatbelt = seatbelt,
	                        .ret_why = ret_why,
	                        .error = seatbelt->view->error};
	size_t before = profile->len;

	put(&writer, beginning);
	put_files(&writer);
	put_sockets(&writer);
	if (!seatbelt->no_network)
		put(&writer, network);
	return finish(&writer, profile->len - before);
}
