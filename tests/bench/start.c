/*
 * How long commands take from their start to their end, side by side in one run: `true` alone,
 * in bubblewrap, and in `exec`. Machines are noisy, so what counts is how the rows compare, and the
 * rounds are interleaved. The first command is what the others are compared with.
 *
 * usage: bench_start ROUNDS NAME WORD... [, NAME WORD...]...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define COMMANDS_MAX 8
#define ROUNDS_MAX   100000

struct command {
	const char *name;
	char **argv;
	uint64_t *spent_ns, *cpu_ns;
};

static uint64_t ns_of(struct timeval time) {
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

/* On a busy machine the processor's time is the truer one. It is that of the command and of what it
 * waits for, not the guard's. */
static void run(uint64_t *ret_spent_ns, uint64_t *ret_cpu_ns, char *const argv[]) {
	uint64_t begun_ns = clock_mono_ns();
	struct rusage usage;
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
		fprintf(stderr, "bench_start: %s: failed\n", argv[0]);
		exit(1);
	}
	*ret_spent_ns = clock_mono_ns() - begun_ns;
	*ret_cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
}

static int by_number(const void *a, const void *b) {
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static double at(const uint64_t *sorted, size_t n, size_t percent) {
	return (double)sorted[n * percent / 100] / 1e6;
}

/* Splits the words at commas, in place. Returns how many there are; 0: not as the usage says. */
static size_t take_commands(struct command commands[COMMANDS_MAX], char **words) {
	size_t n = 0;

	while (*words != NULL && n < COMMANDS_MAX) {
		commands[n].name = *words++;
		commands[n++].argv = words;
		if (*words == NULL)
			return 0;
		while (*words != NULL && strcmp(*words, ",") != 0)
			words++;
		if (*words != NULL)
			*words++ = NULL;
	}
	return *words == NULL ? n : 0;
}

int main(int argc, char **argv) {
	struct command commands[COMMANDS_MAX];
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	size_t n = argc > 2 ? take_commands(commands, argv + 2) : 0;
	double first = 0;

	if (rounds == 0 || rounds > ROUNDS_MAX || n == 0) {
		fprintf(stderr, "usage: bench_start ROUNDS NAME WORD... [, NAME WORD...]...\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++) {
		commands[i].spent_ns = calloc(rounds, sizeof(uint64_t));
		commands[i].cpu_ns = calloc(rounds, sizeof(uint64_t));
	}
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			run(&commands[i].spent_ns[round], &commands[i].cpu_ns[round],
			    commands[i].argv);
	printf("%-12s %8s %8s %8s %8s %12s\n", "ms", "p10", "p50", "p90", "x first", "cpu p50");
	for (size_t i = 0; i < n; i++) {
		uint64_t *spent_ns = commands[i].spent_ns, *cpu_ns = commands[i].cpu_ns;

		qsort(spent_ns, rounds, sizeof(uint64_t), by_number);
		qsort(cpu_ns, rounds, sizeof(uint64_t), by_number);
		if (i == 0)
			first = at(spent_ns, rounds, 50);
		printf("%-12s %8.2f %8.2f %8.2f %8.1f %12.2f\n", commands[i].name,
		       at(spent_ns, rounds, 10), at(spent_ns, rounds, 50), at(spent_ns, rounds, 90),
		       at(spent_ns, rounds, 50) / first, at(cpu_ns, rounds, 50));
		free(spent_ns);
		free(cpu_ns);
	}
	return 0;
}
