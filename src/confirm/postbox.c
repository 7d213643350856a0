#include "confirm/postbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/secret.h"
#include "confirm/pin.h"

struct postbox {
	struct ev_loop *loop;
	int directory_fd, fd;
	ev_io readable;
	char file[32], fifo[32];
	char *nonce;
	char *line; /* POSTBOX_LINE_MAX bytes of secret memory */
	size_t len;
	bool skips; /* to the end of a line that is too long */
	postbox_said *said;
	void *data;
};

bool postbox_parse(const char **ret_pin, const char *line, const char *nonce) {
	static const char allow[] = "allow ", deny[] = "deny ";
	bool yes = strncmp(line, allow, strlen(allow)) == 0;
	size_t nonce_len = strlen(nonce);
	const char *rest;

	if (!yes && strncmp(line, deny, strlen(deny)) != 0)
		return false;
	rest = line + (yes ? strlen(allow) : strlen(deny));
	if (strlen(rest) < nonce_len || CRYPTO_memcmp(rest, nonce, nonce_len) != 0)
		return false;
	rest += nonce_len;
	if (!yes) {
		if (*rest == '\0')
			*ret_pin = NULL;
		return *rest == '\0';
	}
	if (*rest != ' ' || !pin_is_fit(rest + 1))
		return false;
	*ret_pin = rest + 1;
	return true;
}

/* Takes one line out of what was read. false: there is no whole one. */
static bool take_line(struct postbox *postbox, char line[static POSTBOX_LINE_MAX]) {
	char *end = memchr(postbox->line, '\n', postbox->len);
	size_t len;
	bool skipped = postbox->skips;

	if (end == NULL) {
		if (postbox->len == POSTBOX_LINE_MAX) {
			postbox->skips = true;
			postbox->len = 0;
		}
		return false;
	}
	len = (size_t)(end - postbox->line);
	memcpy(line, postbox->line, len);
	line[skipped || memchr(line, 0, len) != NULL ? 0 : len] = '\0';
	postbox->len -= len + 1;
	memmove(postbox->line, end + 1, postbox->len);
	postbox->skips = false;
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct postbox *postbox = watcher->data;
	ssize_t n = read(postbox->fd, postbox->line + postbox->len,
	                 POSTBOX_LINE_MAX - postbox->len);
	char *line;
	const char *pin = NULL;
	bool answered = false;

	(void)loop, (void)revents;
	if (n <= 0)
		return;
	postbox->len += (size_t)n;
	line = secret_new(POSTBOX_LINE_MAX);
	while (line != NULL && !answered && take_line(postbox, line))
		answered = postbox_parse(&pin, line, postbox->nonce);
	if (answered)
		postbox->said(postbox->data, pin); /* perhaps the end of the postbox */
	secret_free(line, POSTBOX_LINE_MAX);
}

static int make_fifo(struct postbox *postbox) {
	struct stat status;

	if (unlinkat(postbox->directory_fd, postbox->fifo, 0) < 0 && errno != ENOENT)
		return -errno;
	if (mkfifoat(postbox->directory_fd, postbox->fifo, 0600) < 0)
		return -errno;
	/* To write, too: else each writer that closes it would look like its end. */
	postbox->fd = openat(postbox->directory_fd, postbox->fifo,
	                     O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (postbox->fd < 0 || fstat(postbox->fd, &status) < 0)
		return -errno;
	return S_ISFIFO(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0
	               ? 0
	               : -EPERM;
}

int postbox_new(struct postbox **ret, struct ev_loop *loop, const char *directory, uint64_t id,
                const char *nonce, struct bytes document, postbox_said *said, void *data) {
	struct postbox *postbox = calloc(1, sizeof(*postbox));
	int error = 0;

	if (postbox == NULL)
		return -ENOMEM;
	*postbox = (struct postbox){
		.loop = loop, .directory_fd = -1, .fd = -1, .said = said, .data = data};
	snprintf(postbox->file, sizeof(postbox->file), "%llu.yaml", (unsigned long long)id);
	snprintf(postbox->fifo, sizeof(postbox->fifo), "%llu.fifo", (unsigned long long)id);
	postbox->nonce = strdup(nonce);
	postbox->line = secret_new(POSTBOX_LINE_MAX);
	if (postbox->nonce == NULL || postbox->line == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = directory_make_private(&postbox->directory_fd, directory);
	if (error == 0)
		error = make_fifo(postbox);
	/* Last: whoever sees it finds the FIFO. */
	if (error == 0)
		error = file_replace(postbox->directory_fd, postbox->file, document);
	if (error < 0) {
		postbox_free(postbox);
		return error;
	}
	ev_io_init(&postbox->readable, on_readable, postbox->fd, EV_READ);
	postbox->readable.data = postbox;
	ev_io_start(loop, &postbox->readable);
	*ret = postbox;
	return 0;
}

void postbox_free(struct postbox *postbox) {
	if (postbox == NULL)
		return;
	if (postbox->fd >= 0)
		ev_io_stop(postbox->loop, &postbox->readable);
	if (postbox->directory_fd >= 0) {
		unlinkat(postbox->directory_fd, postbox->file, 0);
		unlinkat(postbox->directory_fd, postbox->fifo, 0);
	}
	close_fd(&postbox->fd);
	close_fd(&postbox->directory_fd);
	secret_free(postbox->line, POSTBOX_LINE_MAX);
	free(postbox->nonce);
	free(postbox);
}

static bool is_ours(const char *name) {
	size_t digits = strspn(name, "0123456789");

	return digits > 0 &&
	       (strcmp(name + digits, ".yaml") == 0 || strcmp(name + digits, ".fifo") == 0);
}

void postbox_clear(const char *directory) {
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;

	if (entries == NULL) {
		close_fd(&fd);
		return;
	}
	for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
		if (is_ours(entry->d_name))
			unlinkat(fd, entry->d_name, 0);
	closedir(entries);
}
