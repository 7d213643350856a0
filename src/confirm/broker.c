#include "confirm/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "confirm/proof.h"

_Static_assert(PROOF_REQUESTS_MAX >= BROKER_WAITERS_MAX, "a touch is for all who wait");

#define RECORDS_MAX 64 /* callers that are remembered for not being answered */

struct waiter {
	struct waiter *next;
	char digest[DIGEST_HEX]; /* of its request */
	struct prompt *prompt;
	broker_answered *answered;
	void *data;
};

/* How it went for one caller: for the process that started its job, because the caller itself is
 * another one each time. */
struct record {
	/* Of none: of all whose starter is not known; those whom nobody sees are apart from those
	 * whom init or the service manager has started. */
	struct process_id starter;
	bool is_unseen;
	unsigned unanswered, left;
	uint64_t paused_until_ns;
	uint64_t used_ns;
};

struct broker {
	struct broker_calls calls;
	struct prompt *prompts; /* pending ones, the oldest first */
	uint64_t last_id;
	struct record records[RECORDS_MAX];
	size_t n_records;
	struct record all; /* callers together */
	uint64_t pause_ns; /* as last told */
};

int broker_new(struct broker **ret, const struct broker_calls *calls) {
	struct broker *broker = calloc(1, sizeof(*broker));

	if (broker == NULL)
		return -ENOMEM;
	broker->calls = *calls;
	*ret = broker;
	return 0;
}

/* ---- callers for whom nobody answers ---- */

static bool is_record_of(const struct record *record, const struct question *question) {
	struct process_id a = record->starter, b = question->starter;

	return record->is_unseen == question->is_unseen &&
	       (process_id_same(a, b) || (a.pid == 0 && b.pid == 0));
}

static bool is_paused(const struct record *record, uint64_t now_ns) {
	return record->paused_until_ns > now_ns;
}

static bool is_less_needed(const struct record *a, const struct record *b, uint64_t now_ns) {
	if (is_paused(a, now_ns) != is_paused(b, now_ns))
		return is_paused(b, now_ns);
	return a->used_ns < b->used_ns;
}

static struct record *record_of(struct broker *broker, const struct question *question,
                                uint64_t now_ns) {
	struct record *record = &broker->records[0];

	for (size_t i = 0; i < broker->n_records; i++) {
		record = &broker->records[i];
		if (is_record_of(record, question)) {
			record->used_ns = now_ns;
			return record;
		}
	}
	if (broker->n_records < RECORDS_MAX) {
		record = &broker->records[broker->n_records++];
	} else {
		record = &broker->records[0];
		for (size_t i = 1; i < RECORDS_MAX; i++)
			if (is_less_needed(&broker->records[i], record, now_ns))
				record = &broker->records[i];
	}
	*record = (struct record){
		.starter = question->starter, .is_unseen = question->is_unseen, .used_ns = now_ns};
	return record;
}

static void pause_from(struct record *record, uint64_t now_ns, uint64_t pause_ns) {
	record->unanswered = record->left = 0;
	record->paused_until_ns = now_ns + pause_ns;
}

/* A yes takes a proof, so a person is there. */
static void person_answered(struct broker *broker, const struct prompt *prompt) {
	struct record *record = record_of(broker, prompt->question, prompt->asked_ns);

	record->unanswered = record->left = 0;
	broker->all.unanswered = broker->all.left = 0;
}

static void nobody_answered(struct broker *broker, const struct prompt *prompt, uint64_t now_ns) {
	struct record *record = record_of(broker, prompt->question, now_ns);

	if (++record->unanswered >= UNANSWERED_MAX)
		pause_from(record, now_ns, broker->pause_ns);
	if (++broker->all.unanswered >= UNANSWERED_ALL_MAX)
		pause_from(&broker->all, now_ns, broker->pause_ns);
}

/* Asking and leaving again and again is a flood as well, and so is asking for what is denied; but a
 * person may break off a command. */
static void not_wanted(struct broker *broker, const struct prompt *prompt, uint64_t now_ns) {
	struct record *record = record_of(broker, prompt->question, now_ns);

	if (++record->left >= LEFT_MAX)
		pause_from(record, now_ns, broker->pause_ns);
	if (++broker->all.left >= LEFT_ALL_MAX)
		pause_from(&broker->all, now_ns, broker->pause_ns);
}

/* ---- prompts ---- */

static struct prompt *find(const struct broker *broker, uint64_t id) {
	for (struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next)
		if (prompt->id == id)
			return prompt;
	return NULL;
}

const struct prompt *broker_find(const struct broker *broker, uint64_t id) {
	return find(broker, id);
}

const struct prompt *broker_prompts(const struct broker *broker) {
	return broker->prompts;
}

size_t broker_count(const struct broker *broker) {
	size_t n = 0;

	for (const struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next)
		n++;
	return n;
}

static void prompt_free(struct prompt *prompt) {
	proof_unref(prompt->proof);
	question_free(prompt->question);
	free(prompt);
}

/* A waiter that is told may ask again, or make another one leave, before this returns. */
static void prompt_end(struct broker *broker, struct prompt *prompt, enum prompt_state state) {
	for (struct prompt **link = &broker->prompts; *link != NULL; link = &(*link)->next)
		if (*link == prompt) {
			*link = prompt->next;
			break;
		}
	prompt->state = state;
	prompt->next = NULL;
	broker->calls.closed(broker->calls.data, prompt);
	while (prompt->waiters != NULL) {
		struct waiter *waiter = prompt->waiters;

		prompt->waiters = waiter->next;
		waiter->answered(waiter->data, prompt);
		free(waiter);
	}
	prompt_free(prompt);
}

void broker_free(struct broker *broker) {
	if (broker == NULL)
		return;
	while (broker->prompts != NULL)
		prompt_end(broker, broker->prompts, PROMPT_CANCELLED);
	free(broker);
}

static bool has_room(const struct broker *broker, const struct question *question,
                     size_t max_pending) {
	size_t n = 0;
	bool login_has_one = false;

	for (const struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next) {
		n++;
		if (strcmp(prompt->question->login, question->login) == 0)
			login_has_one = true;
	}
	return n < max_pending ||
	       (!login_has_one && question->login[0] != '\0' && n < 2 * max_pending);
}

static struct prompt *prompt_like(const struct broker *broker, const struct question *question) {
	for (struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next)
		if (!prompt->is_sealed && question_same(prompt->question, question))
			return prompt;
	return NULL;
}

static struct waiter *waiter_new(struct prompt *prompt, const struct question *question,
                                 broker_answered *answered, void *data) {
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (waiter == NULL)
		return NULL;
	*waiter = (struct waiter){
		.next = prompt->waiters, .prompt = prompt, .answered = answered, .data = data};
	memcpy(waiter->digest, question->digest, sizeof(waiter->digest));
	prompt->waiters = waiter;
	prompt->n_waiters++;
	return waiter;
}

static enum broker_reply ask_anew(struct waiter **ret_waiter, struct broker *broker,
                                  struct question **question, const struct broker_terms *terms,
                                  uint64_t now_ns, broker_answered *answered, void *data) {
	struct prompt **last = &broker->prompts;
	struct prompt *prompt;
	struct waiter *waiter;

	if (!has_room(broker, *question, terms->max_pending))
		return BROKER_RATE_LIMITED;
	prompt = calloc(1, sizeof(*prompt));
	waiter = prompt != NULL ? waiter_new(prompt, *question, answered, data) : NULL;
	if (waiter == NULL) {
		free(prompt);
		return BROKER_NO_MEMORY;
	}
	prompt->id = ++broker->last_id;
	prompt->question = TAKE(*question);
	prompt->turns = prompt->question->turns;
	prompt->asked_ns = now_ns;
	prompt->deadline_ns = now_ns + terms->timeout_ns;
	while (*last != NULL)
		last = &(*last)->next;
	*last = prompt;
	*ret_waiter = waiter;
	broker->calls.opened(broker->calls.data, prompt);
	return BROKER_WAITS;
}

static void free_question(struct question **question) {
	question_free(*question);
}

enum broker_reply broker_ask(struct waiter **ret_waiter, struct broker *broker,
                             struct question *question, const struct broker_terms *terms,
                             uint64_t now_ns, broker_answered *answered, void *data) {
	CLEANUP(free_question) struct question *owned = question;
	struct prompt *prompt = prompt_like(broker, question);

	broker->pause_ns = terms->pause_ns;
	if (prompt != NULL) {
		struct waiter *waiter;

		if (prompt->n_waiters >= BROKER_WAITERS_MAX)
			return BROKER_RATE_LIMITED;
		waiter = waiter_new(prompt, question, answered, data);
		if (waiter == NULL)
			return BROKER_NO_MEMORY;
		*ret_waiter = waiter;
		return BROKER_WAITS;
	}
	if (is_paused(&broker->all, now_ns) ||
	    is_paused(record_of(broker, question, now_ns), now_ns))
		return BROKER_UNANSWERED;
	return ask_anew(ret_waiter, broker, &owned, terms, now_ns, answered, data);
}

uint64_t waiter_prompt(const struct waiter *waiter) {
	return waiter->prompt->id;
}

void broker_leave(struct broker *broker, struct waiter *waiter, uint64_t now_ns) {
	struct prompt *prompt;

	if (waiter == NULL)
		return;
	prompt = waiter->prompt;
	for (struct waiter **link = &prompt->waiters; *link != NULL; link = &(*link)->next)
		if (*link == waiter) {
			*link = waiter->next;
			break;
		}
	free(waiter);
	prompt->n_waiters--;
	/* Of one that has ended, prompt_end() is at work. */
	if (prompt->waiters != NULL || prompt->state != PROMPT_PENDING)
		return;
	not_wanted(broker, prompt, now_ns);
	prompt_end(broker, prompt, PROMPT_CANCELLED);
}

size_t broker_seal(struct broker *broker, uint64_t id, char (*ret)[DIGEST_HEX], size_t max) {
	struct prompt *prompt = find(broker, id);
	size_t n = 0;

	if (prompt == NULL)
		return 0;
	prompt->is_sealed = true;
	for (const struct waiter *waiter = prompt->waiters; waiter != NULL && n < max;
	     waiter = waiter->next)
		memcpy(ret[n++], waiter->digest, sizeof(waiter->digest));
	return n;
}

void broker_lack(struct broker *broker, enum confirm_method method, enum turn_lack lack) {
	for (struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next)
		if (turns_lack(&prompt->turns, method, lack))
			broker->calls.turned(broker->calls.data, prompt);
}

void broker_lack_of(struct broker *broker, uint64_t id, enum confirm_method method,
                    enum turn_lack lack) {
	struct prompt *prompt = find(broker, id);

	if (prompt != NULL && turns_lack(&prompt->turns, method, lack))
		broker->calls.turned(broker->calls.data, prompt);
}

void broker_spend(struct broker *broker, uint64_t id, enum confirm_method method,
                  enum turn_lack lack, const char *via, uint64_t now_ns) {
	struct prompt *prompt = find(broker, id);

	if (prompt == NULL || !turns_spend(&prompt->turns, method, lack))
		return;
	if (turns_asks(&prompt->turns) == 0 && via != NULL)
		broker_deny(broker, id, method, via, now_ns);
	else
		broker->calls.turned(broker->calls.data, prompt);
}

bool broker_grant_proved(struct broker *broker, uint64_t id, const char *via,
                         struct touch_proof *proof) {
	struct prompt *prompt = find(broker, id);

	if (prompt == NULL || !turns_may_answer(&prompt->turns, CONFIRM_TOUCH))
		return false;
	prompt->proof = proof_ref(proof);
	return broker_grant(broker, id, CONFIRM_TOUCH, via);
}

bool broker_grant(struct broker *broker, uint64_t id, enum confirm_method method, const char *via) {
	struct prompt *prompt = find(broker, id);

	if (prompt == NULL || !turns_may_answer(&prompt->turns, method))
		return false;
	prompt->method = method;
	prompt->via = via;
	person_answered(broker, prompt);
	prompt_end(broker, prompt, PROMPT_GRANTED);
	return true;
}

static bool deny(struct broker *broker, uint64_t id, enum confirm_method method, const char *via,
                 pid_t process, uint64_t now_ns) {
	struct prompt *prompt = find(broker, id);

	if (prompt == NULL)
		return false;
	prompt->method = method;
	prompt->via = via;
	prompt->denied_by = process;
	not_wanted(broker, prompt, now_ns);
	prompt_end(broker, prompt, PROMPT_DENIED);
	return true;
}

bool broker_deny(struct broker *broker, uint64_t id, enum confirm_method method, const char *via,
                 uint64_t now_ns) {
	return deny(broker, id, method, via, 0, now_ns);
}

bool broker_deny_by(struct broker *broker, uint64_t id, const char *via, pid_t process,
                    uint64_t now_ns) {
	return deny(broker, id, (enum confirm_method)0, via, process, now_ns);
}

uint64_t broker_due(const struct broker *broker) {
	uint64_t due_ns = 0;

	for (const struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next)
		if (due_ns == 0 || prompt->deadline_ns < due_ns)
			due_ns = prompt->deadline_ns;
	return due_ns;
}

static struct prompt *due_prompt(const struct broker *broker, uint64_t now_ns) {
	for (struct prompt *prompt = broker->prompts; prompt != NULL; prompt = prompt->next)
		if (prompt->deadline_ns <= now_ns)
			return prompt;
	return NULL;
}

uint64_t broker_tick(struct broker *broker, uint64_t now_ns) {
	/* From the front each time: whoever is told may change the list. */
	for (struct prompt *prompt = due_prompt(broker, now_ns); prompt != NULL;
	     prompt = due_prompt(broker, now_ns)) {
		nobody_answered(broker, prompt, now_ns);
		prompt_end(broker, prompt, PROMPT_TIMED_OUT);
	}
	return broker_due(broker);
}
