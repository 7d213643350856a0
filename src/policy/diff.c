#include "policy/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "policy/show.h"

#define CHANGES_MAX 1000 /* blocks that go and come; each is a rule or a setting */

/* A setting or a rule, as it is shown: whole lines. */
struct block {
	struct bytes lines;
	size_t at, len; /* what it means, in struct side.meant */
};

struct side {
	struct buffer shown, meant;
	struct block *blocks;
	size_t count;
};

static void side_deinit(struct side *side) {
	buffer_deinit(&side->shown);
	buffer_deinit(&side->meant);
	free(side->blocks);
}

static bool begins(struct bytes line, const char *with) {
	size_t len = strlen(with);

	return line.len >= len && memcmp(line.data, with, len) == 0;
}

static struct bytes next_line(struct bytes *rest) {
	const uint8_t *end = memchr(rest->data, '\n', rest->len);
	size_t len = end != NULL ? (size_t)(end - rest->data) + 1 : rest->len;
	struct bytes line = {rest->data, len};

	rest->data += len;
	rest->len -= len;
	return line;
}

/* Where a rule stands, and its number where it has no name, are no part of what it means. */
static struct bytes meaning_of(struct bytes line) {
	static const char unnamed[] = "  - # rule-";

	if (begins(line, "  # "))
		return (struct bytes){line.data, 0};
	if (begins(line, unnamed))
		return (struct bytes){line.data, strlen(unnamed)};
	return line;
}

/* A line that is not indented, a rule, or the comment before one. */
static bool begins_block(struct bytes line, bool after_comment) {
	if (begins(line, "  - "))
		return !after_comment;
	return begins(line, "  # ") || !begins(line, " ");
}

static int side_add(struct side *side, size_t *capacity, struct bytes line) {
	if (side->count == *capacity) {
		size_t grown = *capacity > 0 ? 2 * *capacity : 64;
		struct block *blocks = array_resize(side->blocks, grown, sizeof(*blocks));

		if (blocks == NULL)
			return -ENOMEM;
		side->blocks = blocks;
		*capacity = grown;
	}
	side->blocks[side->count++] = (struct block){{line.data, 0}, side->meant.len, 0};
	return 0;
}

static int side_init(struct side *side, const struct policy *policy) {
	struct bytes rest, line;
	size_t capacity = 0;
	bool after_comment = false;
	int error;

	policy_show(&side->shown, policy);
	rest = buffer_bytes(&side->shown);
	error = buffer_error(&side->shown);
	while (error == 0 && rest.len > 0) {
		line = next_line(&rest);
		/* Where it is, and its hash, are told elsewhere. */
		if (side->count == 0 && begins(line, "#"))
			continue;
		if (side->count == 0 || begins_block(line, after_comment))
			error = side_add(side, &capacity, line);
		if (error < 0)
			return error;
		after_comment = begins(line, "  # ");
		buffer_put_raw(&side->meant, meaning_of(line));
		side->blocks[side->count - 1].lines.len += line.len;
		side->blocks[side->count - 1].len = side->meant.len -
		                                    side->blocks[side->count - 1].at;
	}
	return error == 0 ? buffer_error(&side->meant) : error;
}

struct diff {
	struct side from, to;
	size_t first;        /* so many are the same at the beginning */
	size_t n_from, n_to; /* what is left between that and the same end */
	char *gone, *come;   /* one for each block that is left: whether it changes */
};

static void diff_deinit(struct diff *diff) {
	side_deinit(&diff->from);
	side_deinit(&diff->to);
	free(diff->gone);
	free(diff->come);
}

static bool same(const struct diff *diff, size_t a, size_t b) {
	const struct block *left = &diff->from.blocks[a], *right = &diff->to.blocks[b];

	return left->len == right->len && memcmp(diff->from.meant.data + left->at,
	                                         diff->to.meant.data + right->at, left->len) == 0;
}

static void trim(struct diff *diff) {
	size_t n_from = diff->from.count, n_to = diff->to.count;

	while (diff->first < n_from && diff->first < n_to && same(diff, diff->first, diff->first))
		diff->first++;
	while (n_from > diff->first && n_to > diff->first && same(diff, n_from - 1, n_to - 1)) {
		n_from--;
		n_to--;
	}
	diff->n_from = n_from - diff->first;
	diff->n_to = n_to - diff->first;
}

/*
 * Myers' algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986): reach[k] is how far
 * one gets in the old policy on diagonal k with d changes. Row d of the trace keeps it, so that the
 * way back can be found.
 */
struct ways {
	long *trace; /* (CHANGES_MAX + 1) rows, of which row d has 2 d + 1 numbers */
	long d;      /* of the last row */
};

static long *row_of(const struct ways *ways, long d) {
	return ways->trace + d * d; /* 1 + 3 + ... + (2 d - 1) */
}

static long reach_of(const struct ways *ways, long d, long k) {
	return row_of(ways, d)[k + d];
}

/* Whether one comes to diagonal k with d changes by one that comes, rather than one that goes. */
static bool by_coming(const struct ways *ways, long d, long k) {
	return k == -d || (k != d && reach_of(ways, d - 1, k - 1) < reach_of(ways, d - 1, k + 1));
}

/* Rows have a number for each second diagonal; the others are never looked at. */
static bool step(struct ways *ways, const struct diff *diff, long d) {
	long n_from = (long)diff->n_from, n_to = (long)diff->n_to;

	for (long k = -d; k <= d; k += 2) {
		long x = 0, y;

		if (d > 0)
			x = by_coming(ways, d, k) ? reach_of(ways, d - 1, k + 1)
			                          : reach_of(ways, d - 1, k - 1) + 1;
		y = x - k;
		while (x < n_from && y < n_to && x >= 0 && y >= 0 &&
		       same(diff, diff->first + (size_t)x, diff->first + (size_t)y)) {
			x++;
			y++;
		}
		row_of(ways, d)[k + d] = x;
		if (x >= n_from && y >= n_to)
			return true;
	}
	return false;
}

static void mark(struct diff *diff, const struct ways *ways) {
	long k = (long)diff->n_from - (long)diff->n_to;

	for (long d = ways->d; d > 0; d--) {
		bool comes = by_coming(ways, d, k);
		long before = comes ? k + 1 : k - 1;
		long x = reach_of(ways, d - 1, before);
		long y = x - before;

		if (comes && y >= 0 && y < (long)diff->n_to)
			diff->come[y] = 1;
		if (!comes && x >= 0 && x < (long)diff->n_from)
			diff->gone[x] = 1;
		k = before;
	}
}

static int compare(struct diff *diff) {
	struct ways ways = {0};
	CLEANUP(free_pointer) long *trace = NULL;

	trim(diff);
	diff->gone = calloc(diff->n_from + 1, 1);
	diff->come = calloc(diff->n_to + 1, 1);
	/* 8 MB, most of which is never touched. */
	trace = malloc((size_t)(CHANGES_MAX + 1) * (CHANGES_MAX + 1) * sizeof(long));
	ways.trace = trace;
	if (diff->gone == NULL || diff->come == NULL || trace == NULL)
		return -ENOMEM;
	while (!step(&ways, diff, ways.d))
		if (++ways.d > CHANGES_MAX)
			return -E2BIG;
	mark(diff, &ways);
	return 0;
}

/* ---- what is shown ---- */

static void put_lines(struct buffer *text, struct bytes lines, const char *mark) {
	while (lines.len > 0) {
		struct bytes line = next_line(&lines);

		if (line.len == 1 && line.data[0] == '\n')
			continue;
		buffer_put_raw(text, bytes_of_text(mark));
		buffer_put_raw(text, line);
		if (line.data[line.len - 1] != '\n')
			buffer_put_u8(text, '\n');
	}
}

static void put_beginning(struct buffer *text, const struct block *block) {
	struct bytes rest = block->lines;
	struct bytes line = next_line(&rest);

	put_lines(text, line, "  ");
}

static bool is_gone(const struct diff *diff, size_t i) {
	return i >= diff->first && i - diff->first < diff->n_from && diff->gone[i - diff->first];
}

static bool has_come(const struct diff *diff, size_t i) {
	return i >= diff->first && i - diff->first < diff->n_to && diff->come[i - diff->first];
}

/* Along both at once: a block that stays is the next one of both. */
static void put_changes(struct buffer *text, const struct diff *diff) {
	size_t from = 0, to = 0;
	const struct block *stays = NULL; /* the last one, where it is not shown yet */
	bool in_change = false;

	while (from < diff->from.count || to < diff->to.count) {
		bool gone = from < diff->from.count && is_gone(diff, from);
		bool come = to < diff->to.count && has_come(diff, to);

		if (gone || come) {
			if (stays != NULL)
				put_beginning(text, stays);
			stays = NULL;
			put_lines(text,
			          gone ? diff->from.blocks[from].lines : diff->to.blocks[to].lines,
			          gone ? "- " : "+ ");
			from += gone;
			to += !gone;
		} else {
			stays = &diff->to.blocks[to];
			if (in_change)
				put_beginning(text, stays);
			stays = in_change ? NULL : stays;
			from++;
			to++;
		}
		in_change = gone || come;
	}
}

int policy_diff(struct buffer *text, const struct policy *from, const struct policy *to) {
	CLEANUP(diff_deinit) struct diff diff = {0};
	int error = side_init(&diff.from, from);

	if (error == 0)
		error = side_init(&diff.to, to);
	if (error == 0)
		error = compare(&diff);
	if (error < 0)
		return error;
	put_changes(text, &diff);
	return buffer_error(text);
}
