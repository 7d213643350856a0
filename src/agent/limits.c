#include "agent/limits.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN   32
#define SECOND_NS UINT64_C(1000000000)

/* The moments of what was let through, the oldest at next once the ring is full. */
struct count {
	unsigned char key[KEY_LEN];
	struct limit limit;
	uint64_t *moments_ns; /* owned, limit.count of them; 0: none yet */
	unsigned next;
	uint64_t last_ns;
};

struct limits {
	struct count counts[LIMITS_MAX];
};

static bool put_text(EVP_MD_CTX *context, const char *text) {
	/* With its NUL, so that no two texts join to a third. An unknown one is no text. */
	return text != NULL ? EVP_DigestUpdate(context, text, strlen(text) + 1) == 1
	                    : EVP_DigestUpdate(context, "\1", 1) == 1;
}

static bool make_key(unsigned char ret[static KEY_LEN], const char *rule,
                     const struct caller *caller) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	            put_text(context, rule) && put_text(context, caller->process.exe) &&
	            put_text(context, caller->cgroup) &&
	            EVP_DigestUpdate(context, &caller->uid, sizeof(caller->uid)) == 1 &&
	            EVP_DigestFinal_ex(context, ret, NULL) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

static bool is_over(const struct count *count, uint64_t now_ns) {
	return now_ns - count->last_ns >= count->limit.period_s * SECOND_NS;
}

static void count_end(struct count *count) {
	free(count->moments_ns);
	*count = (struct count){0};
}

/* The one with this key, or a new one in the place of one whose period has passed. NULL: no room.
 */
static struct count *find(struct limits *limits, const unsigned char key[static KEY_LEN],
                          struct limit limit, uint64_t now_ns) {
	struct count *room = NULL;

	for (size_t i = 0; i < LIMITS_MAX; i++) {
		struct count *count = &limits->counts[i];

		if (count->moments_ns == NULL || is_over(count, now_ns)) {
			room = count;
			continue;
		}
		if (memcmp(count->key, key, KEY_LEN) == 0 && count->limit.count == limit.count &&
		    count->limit.period_s == limit.period_s)
			return count;
	}
	if (room == NULL)
		return NULL;
	count_end(room);
	room->moments_ns = calloc(limit.count, sizeof(*room->moments_ns));
	if (room->moments_ns == NULL)
		return NULL;
	memcpy(room->key, key, KEY_LEN);
	room->limit = limit;
	return room;
}

int limits_new(struct limits **ret) {
	struct limits *limits = calloc(1, sizeof(*limits));

	if (limits == NULL)
		return -ENOMEM;
	*ret = limits;
	return 0;
}

void limits_free(struct limits *limits) {
	if (limits == NULL)
		return;
	for (size_t i = 0; i < LIMITS_MAX; i++)
		count_end(&limits->counts[i]);
	free(limits);
}

bool limits_take(struct limits *limits, struct limit limit, const char *rule,
                 const struct caller *caller, uint64_t now_ns) {
	unsigned char key[KEY_LEN];
	struct count *count;
	uint64_t *oldest;

	if (limit.count == 0)
		return true;
	if (!make_key(key, rule, caller))
		return false;
	count = find(limits, key, limit, now_ns);
	if (count == NULL)
		return false;
	oldest = &count->moments_ns[count->next];
	if (*oldest != 0 && now_ns - *oldest < limit.period_s * SECOND_NS)
		return false;
	*oldest = count->last_ns = now_ns;
	count->next = (count->next + 1) % limit.count;
	return true;
}
