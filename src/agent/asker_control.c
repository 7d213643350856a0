#include "agent/asker_control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/asker_enrolled.h"
#include "agent/popup.h"
#include "agent/slots.h"
#include "agent/touching.h"
#include "base/clock.h"
#include "caller/caller.h"

#define SECOND_NS UINT64_C(1000000000)

/* Somebody whose program is looked up before it is told anything. */
struct identifying {
	struct identifying *next;
	struct asker *asker;
	struct reader_job *job;
	uint64_t call;
	bool enrolling;
	uint64_t prompt; /* 0: the only one */
};

__attribute__((format(printf, 2, 3))) static void put(struct buffer *text, const char *format,
                                                      ...) {
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	buffer_put_raw(text, bytes_of_text(line));
}

static bool parse_id(uint64_t *ret, const char *text) {
	size_t len = strlen(text);

	if (len == 0 || len > 18 || text[strspn(text, "0123456789")] != '\0')
		return false;
	*ret = strtoull(text, NULL, 10);
	return *ret > 0;
}

/* The rest of the request, behind the word and a blank; NULL: it is another word. "" where there is
 * no rest. */
static const char *rest_of(const char *request, const char *word) {
	size_t len = strlen(word);

	if (strncmp(request, word, len) != 0 || (request[len] != '\0' && request[len] != ' '))
		return NULL;
	return request[len] == ' ' ? request + len + 1 : request + len;
}

/* ---- what waits ---- */

/* Where the list has an order. */
static void put_asks(struct buffer *text, const struct prompt *prompt) {
	if (prompt->turns.is_any || prompt->turns.count < 2)
		return;
	put(text, "  asks: ");
	turns_put_text(text, &prompt->turns);
	put(text, "\n");
}

static void put_prompt(struct buffer *text, const struct asker *asker,
                       const struct prompt *prompt) {
	const struct showing *showing = prompt->shown;
	const char *words = touching_words(asker->touching, prompt);
	const char *of_slot = slots_words(asker->slots, prompt);
	uint64_t now_ns = clock_mono_ns();
	char since[CLOCK_STAMP_SIZE];

	clock_stamp(since, showing != NULL ? showing->asked_us : clock_real_us());
	put(text, "request %llu, since %s, for another %llu s\n", (unsigned long long)prompt->id,
	    since,
	    (unsigned long long)(prompt->deadline_ns > now_ns
	                                 ? (prompt->deadline_ns - now_ns) / SECOND_NS
	                                 : 0));
	if (prompt->n_waiters > 1)
		put(text, "  requests: %zu of the same command\n", prompt->n_waiters);
	question_put_text(text, prompt->question);
	put_asks(text, prompt);
	if (words != NULL)
		put(text, "  touch: %s\n", words);
	if (of_slot != NULL)
		put(text, "  otp: %s\n", of_slot);
}

/* Of those that may answer at any time, the one by which something is typed. */
static enum confirm_method typed_first(unsigned methods) {
	static const enum confirm_method order[] = {CONFIRM_OTP_PIN, CONFIRM_PIN, CONFIRM_TOUCH,
	                                            CONFIRM_OTP, CONFIRM_ASKPASS};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if ((methods & (unsigned)order[i]) != 0)
			return order[i];
	return (enum confirm_method)0;
}

/* What its person has to type. */
static const char *how_to_answer(const struct prompt *prompt) {
	enum confirm_method method = turns_asks(&prompt->turns);

	if (prompt->turns.is_any && prompt->question->terms.pin == 0)
		method = typed_first(turns_answering(&prompt->turns));
	switch (method) {
	case CONFIRM_TOUCH: return prompt->question->terms.pin != 0 ? "key-pin" : "touch";
	case CONFIRM_PIN:
	case CONFIRM_OTP:
	case CONFIRM_OTP_PIN:
	case CONFIRM_ASKPASS: return confirm_method_name(method);
	}
	return "none";
}

static enum control_result pending(struct asker *asker, struct buffer *answer) {
	for (const struct prompt *prompt = broker_prompts(asker->broker); prompt != NULL;
	     prompt = prompt->next)
		put_prompt(answer, asker, prompt);
	return CONTROL_OK;
}

/* ---- who asks ---- */

static bool is_for_pin(const char *how) {
	return strstr(how, "pin") != NULL;
}

static int tries_of(const char *how) {
	return is_for_pin(how) ? PIN_TRIES_MAX : 1;
}

static const struct ticket *ticket_new(struct asker *asker, const struct caller *caller,
                                       uint64_t prompt, const char *how, int tries) {
	pid_t pid = caller->process.pid;
	int watch;

	return platform_process_watch(&watch, pid) == 0
	               ? tickets_add(&asker->tickets, pid, watch, prompt, how, tries)
	               : NULL;
}

/* Marks that say that somebody else has a hand in the program that asks for the PIN. */
#define NOT_ALONE \
	(INTEGRITY_TRACED | INTEGRITY_PRELOADED | INTEGRITY_FD_PASSED | INTEGRITY_FD_INHERITED)

static const char *why_not_ours(const struct asker *asker, const struct caller *caller) {
	if (caller->state != CALLER_IDENTIFIED || caller->process.exe == NULL ||
	    strcmp(caller->process.exe, asker->own_program) != 0)
		return "only the guard's own program may do that (was it replaced since the guard "
		       "started? then start the guard again)";
	if ((caller->integrity & NOT_ALONE) != 0)
		return "another program has a hand in this one";
	return NULL;
}

const char *asker_control_end_words(enum prompt_state state) {
	switch (state) {
	case PROMPT_GRANTED: return "confirmed\n";
	case PROMPT_DENIED: return "denied";
	case PROMPT_TIMED_OUT:
	case PROMPT_CANCELLED: return "not answered";
	case PROMPT_PENDING: break; /* there was no memory for it */
	}
	return "nothing waits for that any more";
}

/* To a holder of a ticket, whose prompt has ended meanwhile. */
static enum control_result tell_end(enum prompt_state state, struct buffer *answer) {
	if (state != PROMPT_GRANTED)
		return control_failed(answer, asker_control_end_words(state));
	put(answer, "%s", asker_control_end_words(state));
	return CONTROL_OK;
}

static const struct prompt *prompt_meant(const struct asker *asker, uint64_t id,
                                         const char **ret_why_not) {
	const struct prompt *first = broker_prompts(asker->broker);

	if (first == NULL)
		*ret_why_not = "nothing waits for a confirmation";
	else if (id == 0 && first->next != NULL)
		*ret_why_not = "several requests wait: name one (ssh-agent-guard pending)";
	else if (id != 0 && broker_find(asker->broker, id) == NULL)
		*ret_why_not = "no request with that number waits";
	else
		return id == 0 ? first : broker_find(asker->broker, id);
	return NULL;
}

static enum control_result tell_prompt(const struct identifying *identifying,
                                       const struct caller *caller, struct buffer *answer) {
	struct asker *asker = identifying->asker;
	const char *why_not = "no ticket can be made";
	const struct prompt *prompt = prompt_meant(asker, identifying->prompt, &why_not);
	const struct ticket *ticket;
	const char *how;

	if (prompt == NULL)
		return control_failed(answer, why_not);
	how = how_to_answer(prompt);
	ticket = ticket_new(asker, caller, prompt->id, how, tries_of(how));
	if (ticket == NULL)
		return control_failed(answer, "no ticket can be made");
	put(answer, "%llu %s %s\n", (unsigned long long)prompt->id, ticket->nonce, ticket->how);
	put_prompt(answer, asker, prompt);
	question_put_body(answer, prompt->question);
	return CONTROL_OK;
}

static enum control_result tell_enrolling(const struct identifying *identifying,
                                          const struct caller *caller, struct buffer *answer) {
	struct asker *asker = identifying->asker;
	/* Where the PIN of the account says yes, it may be mistyped. */
	int tries = asker->pin.hash[0] != '\0' ? PIN_TRIES_MAX : 1;
	const struct ticket *ticket = ticket_new(asker, caller, 0, "none", tries);

	if (ticket == NULL)
		return control_failed(answer, "no ticket can be made");
	put(answer, "%s ", ticket->nonce);
	asker_enrolled_letters(asker, answer);
	put(answer, "\n");
	return CONTROL_OK;
}

static void identifying_end(struct identifying *identifying) {
	struct asker *asker = identifying->asker;

	for (struct identifying **link = &asker->identifying; *link != NULL; link = &(*link)->next)
		if (*link == identifying) {
			*link = identifying->next;
			break;
		}
	reader_cancel(identifying->job);
	free(identifying);
}

static void on_identified(void *data, struct caller *caller) {
	struct identifying *identifying = data;
	struct asker *asker = identifying->asker;
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	const char *why_not = why_not_ours(asker, caller);
	enum control_result result;

	identifying->job = NULL;
	if (why_not != NULL)
		result = control_failed(&answer, why_not);
	else if (identifying->enrolling)
		result = tell_enrolling(identifying, caller, &answer);
	else
		result = tell_prompt(identifying, caller, &answer);
	control_answer(asker->control, identifying->call, result, buffer_bytes(&answer));
	caller_free(caller);
	identifying_end(identifying);
}

static enum control_result identify(struct asker *asker, const struct control_call *call,
                                    bool enrolling, uint64_t prompt, struct buffer *answer) {
	struct identifying *identifying = calloc(1, sizeof(*identifying));

	if (identifying == NULL)
		return CONTROL_FAILED;
	*identifying = (struct identifying){
		asker->identifying, asker, NULL, call->id, enrolling, prompt,
	};
	asker->identifying = identifying;
	if (call->writer->known && reader_ask(&identifying->job, asker->guard->reader, call->writer,
	                                      on_identified, identifying) == 0)
		return CONTROL_LATER;
	identifying_end(identifying);
	return control_failed(answer, "it cannot be told which program asks");
}

void asker_control_end(struct asker *asker) {
	while (asker->identifying != NULL)
		identifying_end(asker->identifying);
	tickets_deinit(&asker->tickets);
	asker->control = NULL;
}

/* ---- answers ---- */

static const char *try_pin(struct asker *asker, const struct prompt *prompt, const char *pin,
                           uint64_t call) {
	const char *how = how_to_answer(prompt);

	if (strcmp(how, "key-pin") == 0)
		return touching_try_pin(asker->touching, prompt->id, pin, call);
	if (strcmp(how, "otp-pin") == 0)
		return pin_is_fit(pin) ? slots_try_pin(asker->slots, prompt->id, pin, call)
		                       : "not a PIN of 4 to 64 characters";
	return asker_try_pin(asker, prompt->id, pin, "control", call);
}

/* false: nothing that is typed can answer it now, or it was typed for something else. */
static bool takes_typed(const struct prompt *prompt, const char *how, struct buffer *answer) {
	const char *asked = how_to_answer(prompt);

	if (strcmp(asked, how) == 0 && is_for_pin(how))
		return true;
	put(answer, "the PIN is not what is asked for (see confirm.methods): ");
	turns_put_text(answer, &prompt->turns);
	return false;
}

/* "ID REST"; false: there is no such number. */
static bool cut_id(uint64_t *ret, const char **ret_rest, const char *words) {
	const char *blank = strchr(words, ' ');
	char id_text[24];

	if (blank == NULL || (size_t)(blank - words) >= sizeof(id_text))
		return false;
	memcpy(id_text, words, (size_t)(blank - words));
	id_text[blank - words] = '\0';
	*ret_rest = blank + 1;
	return parse_id(ret, id_text);
}

static enum control_result confirm(struct asker *asker, const struct control_call *call,
                                   const char *words, struct buffer *answer) {
	const struct prompt *prompt;
	struct ticket_use use;
	const char *rest, *pin;
	uint64_t id;

	if (!cut_id(&id, &rest, words) || (pin = strchr(rest, ' ')) == NULL)
		return control_failed(answer, "not an answer");
	if (!tickets_take(&use, &asker->tickets, call->writer, id,
	                  (struct bytes){(const uint8_t *)rest, (size_t)(pin - rest)}))
		return control_failed(answer, "not an answer to what was asked");
	close_fd(&use.watch);
	prompt = broker_find(asker->broker, id);
	if (prompt == NULL)
		return tell_end(use.state, answer);
	if (!takes_typed(prompt, use.how, answer))
		return CONTROL_FAILED;
	if (!call->is_locked)
		return control_failed(answer, "there is no memory that is never swapped");
	return control_later_unless(try_pin(asker, prompt, pin + 1, call->id), answer);
}

static void await_no_more(struct asker *asker, struct awaiting *awaiting, const char *text) {
	if (awaiting->call == 0)
		return;
	control_answer(asker->control, awaiting->call, CONTROL_FAILED, bytes_of_text(text));
	close_fd(&awaiting->watch);
	awaiting->call = 0;
}

/* "turn NONCE HOW\n", and what it is about. The process has closed itself to being looked at
 * meanwhile, but it is the one that was looked at before. */
static void tell_turn(struct asker *asker, const struct prompt *prompt, struct awaiting *awaiting) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	uint64_t call = awaiting->call;
	const char *how = how_to_answer(prompt);
	const struct ticket *ticket = tickets_add(&asker->tickets, awaiting->pid,
	                                          take_fd(&awaiting->watch), prompt->id, how,
	                                          tries_of(how));

	awaiting->call = 0;
	if (ticket == NULL) {
		control_answer(asker->control, call, CONTROL_FAILED,
		               bytes_of_text("no ticket can be made"));
		return;
	}
	put(&answer, "turn %s %s\n  asks: ", ticket->nonce, ticket->how);
	turns_put_text(&answer, &prompt->turns);
	put(&answer, "\n");
	control_answer(asker->control, call, CONTROL_OK, buffer_bytes(&answer));
}

void asker_control_turned(struct asker *asker, const struct prompt *prompt) {
	struct showing *showing = prompt->shown;

	for (size_t i = 0; showing != NULL && asker->control != NULL && i < WAITING_MAX; i++)
		if (showing->waiting[i].call != 0)
			tell_turn(asker, prompt, &showing->waiting[i]);
}

/* The newest comes first. Those who are gone make room for it, else the oldest, which is told. */
static void await_first(struct asker *asker, struct showing *showing,
                        const struct awaiting *awaiting) {
	struct awaiting *waiting = showing->waiting;
	size_t at = 0;

	while (at < WAITING_MAX - 1 && waiting[at].call != 0 &&
	       platform_process_lives(waiting[at].watch))
		at++;
	await_no_more(asker, &waiting[at],
	              "too many look at this request; the request itself still waits "
	              "(ssh-agent-guard pending)");
	memmove(waiting + 1, waiting, at * sizeof(*waiting));
	waiting[0] = *awaiting;
}

static enum control_result await(struct asker *asker, const struct control_call *call,
                                 const char *words, struct buffer *answer) {
	const struct prompt *prompt;
	struct awaiting awaiting;
	struct showing *showing;
	struct ticket_use use;
	const char *nonce;
	uint64_t id;

	if (!cut_id(&id, &nonce, words))
		return control_failed(answer, "not the number of a request");
	if (!tickets_await(&use, &asker->tickets, call->writer, id, bytes_of_text(nonce)))
		return control_failed(answer, "not an answer to what was asked");
	prompt = broker_find(asker->broker, id);
	showing = prompt != NULL ? prompt->shown : NULL;
	if (showing == NULL) {
		close_fd(&use.watch);
		return tell_end(use.state, answer);
	}
	awaiting = (struct awaiting){call->id, call->writer->pid, use.watch};
	await_first(asker, showing, &awaiting);
	/* Another method's turn has come between the two. */
	if (strcmp(use.how, how_to_answer(prompt)) != 0)
		tell_turn(asker, prompt, &showing->waiting[0]);
	return CONTROL_LATER;
}

static enum control_result deny(struct asker *asker, const struct control_call *call,
                                const char *words, struct buffer *answer) {
	const pid_t by = call->writer->known ? call->writer->pid : 0;
	bool all = strcmp(words, "--all") == 0;
	const char *why_not = NULL;
	const struct prompt *prompt;
	uint64_t id = 0;

	if (!all && *words != '\0' && !parse_id(&id, words))
		return control_failed(answer, "not the number of a request");
	if (!all) {
		prompt = prompt_meant(asker, id, &why_not);
		if (prompt == NULL)
			return control_failed(answer, why_not);
		broker_deny_by(asker->broker, prompt->id, "control", by, clock_mono_ns());
	}
	/* Not those that ask as soon as they are told. */
	if (all) {
		uint64_t last = 0;

		for (prompt = broker_prompts(asker->broker); prompt != NULL; prompt = prompt->next)
			last = prompt->id;
		while ((prompt = broker_prompts(asker->broker)) != NULL && prompt->id <= last)
			broker_deny_by(asker->broker, prompt->id, "control", by, clock_mono_ns());
	}
	asker_watch_clock(asker);
	return CONTROL_OK;
}

static enum control_result list_grants(struct asker *asker, struct buffer *answer) {
	uint64_t now_ns = clock_mono_ns();

	for (const struct grant *grant = grants_next(asker_grants(asker), NULL, now_ns);
	     grant != NULL; grant = grants_next(asker_grants(asker), grant, now_ns)) {
		char given[CLOCK_STAMP_SIZE];

		clock_stamp(given, grant->given_us);
		put(answer, "grant %llu, given %s by %s, for another %llu s\n",
		    (unsigned long long)grant->id, given, confirm_method_name(grant->method),
		    (unsigned long long)((grant->until_ns - now_ns) / SECOND_NS));
		question_put_text(answer, grant->question);
	}
	return CONTROL_OK;
}

static enum control_result revoke_grants(struct asker *asker, const struct control_call *call,
                                         const char *words, struct buffer *answer) {
	char who[CONTROL_WHO_SIZE];
	uint64_t id;

	if (strcmp(words, "--all") == 0) {
		grants_revoke_all(asker->grants);
	} else if (!parse_id(&id, words) || !grants_revoke(asker->grants, id)) {
		return control_failed(answer, "there is no grant with that number");
	}
	control_tell_who(who, call);
	guard_note(asker->guard, "grants-revoked", NULL, who);
	return CONTROL_OK;
}

static enum control_result prompt(struct asker *asker, const struct control_call *call,
                                  const char *words, struct buffer *answer) {
	uint64_t id = 0;

	if (*words != '\0' && !parse_id(&id, words))
		return control_failed(answer, "not the number of a request");
	return identify(asker, call, false, id, answer);
}

bool asker_control(struct asker *asker, const struct control_call *call, struct buffer *answer,
                   enum control_result *ret_result) {
	const char *request = call->request;
	const char *words;

	if (strcmp(request, "pending") == 0)
		*ret_result = pending(asker, answer);
	else if (strcmp(request, "grants") == 0)
		*ret_result = list_grants(asker, answer);
	else if (strcmp(request, "enroll") == 0)
		*ret_result = identify(asker, call, true, 0, answer);
	else if ((words = rest_of(request, "prompt")) != NULL)
		*ret_result = prompt(asker, call, words, answer);
	else if (strcmp(request, "enrolled") == 0)
		*ret_result = asker_enrolled_list(asker, answer);
	else if ((words = rest_of(request, "await")) != NULL)
		*ret_result = await(asker, call, words, answer);
	else if ((words = rest_of(request, "enroll-key")) != NULL)
		*ret_result = asker_enrolled_keys(asker, call, words, false, answer);
	else if ((words = rest_of(request, "enroll-slot")) != NULL)
		*ret_result = asker_enrolled_slot(asker, call, words, answer);
	else if ((words = rest_of(request, "remove-key")) != NULL)
		*ret_result = asker_enrolled_keys(asker, call, words, true, answer);
	else if ((words = rest_of(request, "popup")) != NULL)
		*ret_result = popup_reports(asker->popup, call, words, answer);
	else if ((words = rest_of(request, "popup-left")) != NULL)
		*ret_result = popup_is_left(asker->popup, words);
	else if ((words = rest_of(request, "confirm")) != NULL)
		*ret_result = confirm(asker, call, words, answer);
	else if ((words = rest_of(request, "deny")) != NULL)
		*ret_result = deny(asker, call, words, answer);
	else if ((words = rest_of(request, "grants revoke")) != NULL)
		*ret_result = revoke_grants(asker, call, words, answer);
	else if ((words = rest_of(request, "enroll-pin")) != NULL)
		*ret_result = asker_enrolled_pin(asker, call, words, answer);
	else
		return false;
	return true;
}
