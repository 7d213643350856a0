/*
 * How long a signature takes by each of several agents' sockets, side by side in one run: the bare
 * agent, socat before it, the guard before it. Machines are noisy, so what counts is how the rows
 * compare, and the rounds are interleaved, each beginning with another one.
 *
 * usage: bench_sign ROUNDS NAME=SOCKET...   (each must offer the same first key)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "wire/message.h"

#define LOGIN_LEN   228 /* of the data of a usual login */
#define TARGETS_MAX 8
#define ROUNDS_MAX  100000

struct target {
	const char *name, *path;
	uint64_t *open_ns, *fresh_ns;
	int fd;
};

static void fail(const char *what) {
	fprintf(stderr, "bench_sign: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int dial(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		fail(path);
	return fd;
}

static void read_exactly(int fd, uint8_t *data, size_t len) {
	while (len > 0) {
		ssize_t got = read(fd, data, len);

		if (got <= 0)
			fail("the connection ended");
		data += got;
		len -= (size_t)got;
	}
}

/* Asks and returns the type of the answer, which stays in answer. */
static uint8_t ask(int fd, struct bytes request, uint8_t *answer, size_t *ret_len) {
	struct cursor header;
	uint8_t raw[MESSAGE_HEADER];

	if (write(fd, request.data, request.len) != (ssize_t)request.len)
		fail("write");
	read_exactly(fd, raw, sizeof(raw));
	header = cursor_over(BYTES(raw));
	*ret_len = cursor_u32(&header);
	if (*ret_len == 0 || *ret_len > MESSAGE_LEN_MAX)
		fail("answer");
	read_exactly(fd, answer, *ret_len);
	return answer[0];
}

static uint8_t answer[MESSAGE_LEN_MAX];

static void make_request(struct buffer *request, const char *path) {
	static const uint8_t list[] = {0, 0, 0, 1, AGENT_REQUEST_IDENTITIES};
	CLEANUP(buffer_deinit) struct buffer body = {0};
	uint8_t data[LOGIN_LEN] = {0};
	int fd = dial(path);
	size_t len;
	struct cursor keys;
	struct bytes key;

	ask(fd, BYTES(list), answer, &len);
	keys = cursor_over((struct bytes){answer, len});
	cursor_u8(&keys);
	if (cursor_u32(&keys) == 0) {
		fprintf(stderr, "bench_sign: %s has no key\n", path);
		exit(1);
	}
	key = cursor_string(&keys);
	buffer_put_u8(&body, AGENT_SIGN_REQUEST);
	buffer_put_string(&body, key);
	buffer_put_string(&body, BYTES(data));
	buffer_put_u32(&body, 0);
	buffer_put_string(request, buffer_bytes(&body));
	close(fd);
}

static uint64_t sign(int fd, struct bytes request) {
	uint64_t begun_ns = clock_mono_ns();
	size_t len;

	if (ask(fd, request, answer, &len) != AGENT_SIGN_RESPONSE) {
		fprintf(stderr, "bench_sign: not signed\n");
		exit(1);
	}
	return clock_mono_ns() - begun_ns;
}

static int by_number(const void *a, const void *b) {
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static double at(uint64_t *sorted, size_t n, size_t percent) {
	return (double)sorted[n * percent / 100] / 1000;
}

int main(int argc, char **argv) {
	struct target targets[TARGETS_MAX];
	CLEANUP(buffer_deinit) struct buffer request = {0};
	size_t n = 0, rounds = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;

	if (rounds == 0 || rounds > ROUNDS_MAX || argc - 2 > TARGETS_MAX) {
		fprintf(stderr, "usage: bench_sign ROUNDS NAME=SOCKET...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++, n++) {
		char *equals = strchr(argv[i], '=');

		if (equals == NULL)
			return 2;
		*equals = '\0';
		targets[n] = (struct target){.name = argv[i], .path = equals + 1};
		targets[n].open_ns = calloc(rounds, sizeof(uint64_t));
		targets[n].fresh_ns = calloc(rounds, sizeof(uint64_t));
		targets[n].fd = dial(targets[n].path);
	}
	make_request(&request, targets[0].path);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++) {
			struct target *target = &targets[(round + i) % n];
			uint64_t begun_ns;
			int fd;

			target->open_ns[round] = sign(target->fd, buffer_bytes(&request));
			begun_ns = clock_mono_ns();
			fd = dial(target->path);
			sign(fd, buffer_bytes(&request));
			close(fd);
			target->fresh_ns[round] = clock_mono_ns() - begun_ns;
		}
	printf("%-10s %28s %28s\n", "us", "open connection p50/p90/p99", "connect-sign-close");
	for (size_t i = 0; i < n; i++) {
		qsort(targets[i].open_ns, rounds, sizeof(uint64_t), by_number);
		qsort(targets[i].fresh_ns, rounds, sizeof(uint64_t), by_number);
		printf("%-10s %9.1f %8.1f %8.1f   %9.1f %8.1f %8.1f\n", targets[i].name,
		       at(targets[i].open_ns, rounds, 50), at(targets[i].open_ns, rounds, 90),
		       at(targets[i].open_ns, rounds, 99), at(targets[i].fresh_ns, rounds, 50),
		       at(targets[i].fresh_ns, rounds, 90), at(targets[i].fresh_ns, rounds, 99));
		free(targets[i].open_ns);
		free(targets[i].fresh_ns);
		close(targets[i].fd);
	}
	return 0;
}
