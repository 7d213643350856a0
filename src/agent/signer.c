#include "agent/signer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/diag.h"
#include "log/signed_head.h"
#include "policy/floor.h"
#include "wire/identities.h"
#include "wire/message.h"
#include "wire/sshsig.h"

#define LIST_ANSWER_S 30.

struct signer {
	struct guard *guard;
	struct upstream_link *link; /* NULL: nothing is under way */
	ev_timer soon;              /* never from within the writing of an event */
	uint64_t last_seq;          /* of the event after which it was tried last */
	bool failed;                /* and an event has said so */
	char key[KEY_FINGERPRINT_SIZE];
	struct buffer key_blob;
	struct chain_link head;
	struct buffer message; /* on its way */
};

static struct log_settings settings(const struct signer *signer) {
	return floor_log(signer->guard->floor, signer->guard->policy);
}

/* The link is let go from the loop: this may run within its call. */
static void signer_rest(struct signer *signer) {
	ev_timer_stop(signer->guard->loop, &signer->soon);
	ev_timer_set(&signer->soon, 0., 0.);
	ev_timer_start(signer->guard->loop, &signer->soon);
	signer->last_seq = journal_head(signer->guard->journal)->seq;
}

static void signer_failed(struct signer *signer, const char *why) {
	if (!signer->failed)
		guard_note(signer->guard, "log-head-failed", NULL, why);
	signer->failed = true;
	signer_rest(signer);
}

static int tell(struct signer *signer, struct bytes sshsig, const struct key_facts *key) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct signed_head head = {.seq = signer->head.seq - 1,
	                           .key_fingerprint = key->fingerprint,
	                           .key_type = key->type};
	struct event event = {.trigger = SIGNED_HEAD_TRIGGER, .head = &head};
	int error = signed_head_put_text(&text, sshsig);

	buffer_put_u8(&text, '\0');
	if (error == 0)
		error = buffer_error(&text);
	if (error < 0)
		return error;
	head.signature = (const char *)text.data;
	memcpy(head.hash, signer->head.prev, sizeof(head.hash));
	return guard_own_event(signer->guard, &event);
}

static void on_signed(void *data, int error, struct bytes answer) {
	CLEANUP(buffer_deinit) struct buffer sshsig = {0};
	CLEANUP(buffer_deinit) struct buffer line = {0};
	struct signer *signer = data;
	struct cursor cursor = cursor_over(answer);
	uint8_t type = cursor_u8(&cursor);
	struct bytes signature = cursor_string(&cursor);
	struct key_facts key = {0};

	if (error < 0 || type != AGENT_SIGN_RESPONSE || cursor_finish(&cursor) < 0) {
		signer_failed(signer, "the real agent did not sign the head of the log");
		return;
	}
	error = sshsig_put(&sshsig, buffer_bytes(&signer->key_blob), SSHSIG_LOG_NAMESPACE,
	                   signature);
	if (error == 0)
		error = signed_head_put_line(&line, &signer->head);
	if (error < 0 || sshsig_verify(&key, buffer_bytes(&sshsig), SSHSIG_LOG_NAMESPACE,
	                               buffer_bytes(&line)) != PROOF_GOOD) {
		signer_failed(signer, "the real agent's signature of the log's head is not good");
		return;
	}
	/* What cannot be written shows where a user looks. */
	if (tell(signer, buffer_bytes(&sshsig), &key) == 0)
		signer->failed = false;
	signer_rest(signer);
}

static void signer_sign(struct signer *signer) {
	CLEANUP(buffer_deinit) struct buffer line = {0};
	CLEANUP(buffer_deinit) struct buffer bytes = {0};
	int error;

	signer->head = *journal_head(signer->guard->journal);
	error = signed_head_put_line(&line, &signer->head);
	if (error == 0)
		error = sshsig_put_data(&bytes, SSHSIG_LOG_NAMESPACE, buffer_bytes(&line));
	buffer_clear(&signer->message);
	if (error == 0)
		error = sshsig_put_request(&signer->message, buffer_bytes(&signer->key_blob),
		                           buffer_bytes(&bytes));
	if (error < 0) {
		signer_failed(signer, strerror(-error));
		return;
	}
	upstream_link_request(signer->link, buffer_bytes(&signer->message),
	                      signer->guard->upstream.answer_s, on_signed, signer);
}

static void take_key(void *data, struct bytes key_blob, struct bytes comment) {
	struct signer *signer = data;
	struct key_facts facts;
	struct public_key key;

	(void)comment;
	if (signer->key_blob.len == 0 && key_facts_of_blob(&facts, key_blob) == 0 &&
	    strcmp(facts.fingerprint, signer->key) == 0 && public_key_parse(&key, key_blob) == 0 &&
	    !key.type->is_certificate)
		buffer_put_raw(&signer->key_blob, key_blob);
}

static void on_listed(void *data, int error, struct bytes answer) {
	struct signer *signer = data;

	buffer_clear(&signer->key_blob);
	if (error == 0)
		identities_each(answer, take_key, signer);
	if (error < 0)
		signer_failed(signer, "the real agent is away, so the log's head is not signed");
	else if (signer->key_blob.len == 0)
		signer_failed(signer, "the real agent has not the key of log.sign_heads, so the "
		                      "log's head is not signed");
	else
		signer_sign(signer);
}

static void signer_begin(struct signer *signer) {
	static const uint8_t list[] = {0, 0, 0, 1, AGENT_REQUEST_IDENTITIES};
	struct guard *guard = signer->guard;

	if (upstream_link_new(&signer->link, guard->loop, &guard->upstream) < 0) {
		signer->link = NULL;
		signer->last_seq = journal_head(guard->journal)->seq;
		return;
	}
	upstream_link_request(signer->link, BYTES(list), LIST_ANSWER_S, on_listed, signer);
}

static bool is_due(const struct signer *signer) {
	struct log_settings log = settings(signer);

	return log.sign_key[0] != '\0' &&
	       journal_head(signer->guard->journal)->seq - signer->last_seq >= log.sign_every;
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct signer *signer = watcher->data;

	(void)loop, (void)revents;
	upstream_link_free(signer->link);
	signer->link = NULL;
	if (!is_due(signer))
		return;
	strcpy(signer->key, settings(signer).sign_key);
	signer_begin(signer);
}

void signer_written(struct signer *signer) {
	if (signer->link != NULL || ev_is_active(&signer->soon) || !is_due(signer))
		return;
	ev_timer_set(&signer->soon, 0., 0.);
	ev_timer_start(signer->guard->loop, &signer->soon);
}

int signer_new(struct signer **ret, struct guard *guard) {
	struct signer *signer = calloc(1, sizeof(*signer));

	if (signer == NULL)
		return -ENOMEM;
	signer->guard = guard;
	signer->last_seq = journal_head(guard->journal)->seq;
	ev_init(&signer->soon, on_soon);
	signer->soon.data = signer;
	*ret = signer;
	return 0;
}

void signer_free(struct signer *signer) {
	if (signer == NULL)
		return;
	ev_timer_stop(signer->guard->loop, &signer->soon);
	upstream_link_free(signer->link);
	buffer_deinit(&signer->key_blob);
	buffer_deinit(&signer->message);
	free(signer);
}
