#include "confirm/touch_worker.h"

#include <errno.h>
#include <fido.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"
#include "platform/child.h"

#define USER_NAME   "ssh-agent-guard"
#define USER_ID_LEN 32
#define PIN_SIZE    (KEY_PIN_LEN_MAX + 1)

static volatile sig_atomic_t is_called_off;

struct worker {
	const struct touch_request *request;
	const struct key_device *device;
	fido_dev_t *key;
	char *pin;       /* in secret memory; NULL: none */
	struct bytes id; /* the credential of ours that it has */
};

static void on_sigterm(int number) {
	(void)number;
	is_called_off = 1;
}

/* ---- what it says ---- */

static void say(const struct touch_reply *reply) {
	CLEANUP(buffer_deinit) struct buffer message = {0};

	touch_reply_put(&message, reply);
	if (buffer_error(&message) < 0 ||
	    send(CHILD_CHANNEL_FD, message.data, message.len, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void say_note(enum touch_note note) {
	say(&(struct touch_reply){.kind = TOUCH_NOTE, .note = note});
}

/* The last thing that it does. */
static _Noreturn void end(struct worker *worker) {
	if (worker->key != NULL) {
		if (is_called_off)
			fido_dev_cancel(worker->key);
		fido_dev_close(worker->key);
		fido_dev_free(&worker->key);
	}
	secret_free(worker->pin, PIN_SIZE);
	_exit(0);
}

static _Noreturn void fail(struct worker *worker, enum touch_failure failure) {
	struct touch_reply reply = {.kind = TOUCH_FAILED, .failure = failure};
	int retries = 0;

	if (failure == TOUCH_WRONG_PIN &&
	    fido_dev_get_retry_count(worker->key, &retries) == FIDO_OK)
		reply.retries = (uint32_t)retries;
	say(&reply);
	end(worker);
}

static enum touch_failure failure_of(int status) {
	switch (status) {
	case FIDO_ERR_PIN_INVALID: return TOUCH_WRONG_PIN;
	case FIDO_ERR_PIN_AUTH_BLOCKED: return TOUCH_PIN_PAUSED;
	case FIDO_ERR_PIN_BLOCKED:
	case FIDO_ERR_UV_BLOCKED: return TOUCH_PIN_BLOCKED;
	case FIDO_ERR_PIN_NOT_SET:
	/* How a key without one answers to being asked for it. */
	case FIDO_ERR_UNSUPPORTED_OPTION:
	case FIDO_ERR_INVALID_OPTION: return TOUCH_PIN_NOT_SET;
	case FIDO_ERR_PIN_REQUIRED:
	case FIDO_ERR_PIN_AUTH_INVALID: return TOUCH_PIN_WANTED;
	case FIDO_ERR_OPERATION_DENIED: return TOUCH_REFUSED;
	case FIDO_ERR_CREDENTIAL_EXCLUDED: return TOUCH_ENROLLED;
	case FIDO_ERR_NO_CREDENTIALS: return TOUCH_NOT_OURS;
	case FIDO_ERR_KEY_STORE_FULL: return TOUCH_FULL;
	case FIDO_ERR_TX:
	case FIDO_ERR_RX: return TOUCH_REMOVED;
	default: return TOUCH_BROKEN;
	}
}

/* Nobody touched it for as long as the key waits by itself. */
static bool is_to_ask_again(int status) {
	return !is_called_off && (status == FIDO_ERR_USER_ACTION_TIMEOUT ||
	                          status == FIDO_ERR_ACTION_TIMEOUT || status == FIDO_ERR_TIMEOUT);
}

/* ---- an assertion ---- */

static fido_assert_t *new_assertion(const struct worker *worker, bool touched) {
	const struct touch_request *request = worker->request;
	fido_assert_t *assertion = fido_assert_new();
	bool ready = assertion != NULL && fido_assert_set_rp(assertion, TOUCH_PARTY) == FIDO_OK &&
	             fido_assert_set_clientdata_hash(assertion, request->challenge,
	                                             CHALLENGE_LEN) == FIDO_OK &&
	             fido_assert_set_up(assertion, touched ? FIDO_OPT_OMIT : FIDO_OPT_FALSE) ==
	                     FIDO_OK;

	for (size_t i = 0; ready && worker->id.len == 0 && i < request->n_credentials; i++)
		ready = fido_assert_allow_cred(assertion, request->credentials[i].data,
		                               request->credentials[i].len) == FIDO_OK;
	if (ready && worker->id.len > 0)
		ready = fido_assert_allow_cred(assertion, worker->id.data, worker->id.len) ==
		        FIDO_OK;
	if (!ready)
		fido_assert_free(&assertion);
	return assertion;
}

/* Which of the credentials it answered for. A key may leave it out where there was only one. */
static struct bytes answered_for(const struct worker *worker, const fido_assert_t *assertion) {
	struct bytes id = {fido_assert_id_ptr(assertion, 0), fido_assert_id_len(assertion, 0)};

	if (id.len == 0)
		return worker->id.len > 0 ? worker->id : worker->request->credentials[0];
	for (size_t i = 0; i < worker->request->n_credentials; i++)
		if (bytes_equal(worker->request->credentials[i], id))
			return worker->request->credentials[i];
	return (struct bytes){0};
}

enum holds { HOLDS_NOT, HOLDS_PERHAPS, HOLDS };

/* Asks without a touch, so that a key that is none of ours does not blink. */
static enum holds look_for_credential(struct worker *worker) {
	static const uint8_t no_challenge[CHALLENGE_LEN];
	fido_assert_t *assertion = new_assertion(worker, false);
	int status = FIDO_ERR_INTERNAL;

	/* What this signs must be of no use to anybody. */
	if (assertion != NULL &&
	    fido_assert_set_clientdata_hash(assertion, no_challenge, CHALLENGE_LEN) == FIDO_OK)
		status = fido_dev_get_assert(worker->key, assertion, NULL);
	if (status == FIDO_OK && fido_assert_count(assertion) == 1)
		worker->id = answered_for(worker, assertion);
	fido_assert_free(&assertion);
	if (status == FIDO_ERR_RX || status == FIDO_ERR_TX)
		fail(worker, TOUCH_REMOVED);
	/* Of the rest, some keys do not answer without a touch. */
	return status == FIDO_OK                   ? (worker->id.len > 0 ? HOLDS : HOLDS_NOT)
	       : status == FIDO_ERR_NO_CREDENTIALS ? HOLDS_NOT
	                                           : HOLDS_PERHAPS;
}

/* What libfido2 gives is the CBOR string of it. */
static struct bytes auth_data_of(const fido_assert_t *assertion) {
	struct bytes cbor = {fido_assert_authdata_ptr(assertion, 0),
	                     fido_assert_authdata_len(assertion, 0)};

	if (cbor.len == 2 + AUTH_DATA_LEN && cbor.data[0] == 0x58 && cbor.data[1] == AUTH_DATA_LEN)
		return (struct bytes){cbor.data + 2, AUTH_DATA_LEN};
	return (struct bytes){0};
}

static void get(struct worker *worker) {
	fido_assert_t *assertion;
	struct touch_reply reply = {.kind = TOUCH_SIGNED};
	int status;

	do {
		assertion = new_assertion(worker, true);
		status = assertion != NULL
		                 ? fido_dev_get_assert(worker->key, assertion, worker->pin)
		                 : FIDO_ERR_INTERNAL;
		if (status != FIDO_OK)
			fido_assert_free(&assertion);
	} while (is_to_ask_again(status));
	if (is_called_off)
		end(worker);
	if (status != FIDO_OK)
		fail(worker, failure_of(status));
	reply.id = answered_for(worker, assertion);
	reply.auth_data = auth_data_of(assertion);
	reply.signature = (struct bytes){fido_assert_sig_ptr(assertion, 0),
	                                 fido_assert_sig_len(assertion, 0)};
	if (fido_assert_count(assertion) != 1 || reply.id.len == 0 || reply.auth_data.len == 0 ||
	    reply.signature.len == 0 || reply.signature.len > SIGNATURE_LEN_MAX)
		fail(worker, TOUCH_BROKEN);
	say(&reply);
	fido_assert_free(&assertion);
}

/* ---- a credential ---- */

static fido_cred_t *new_credential(const struct worker *worker) {
	const struct touch_request *request = worker->request;
	fido_cred_t *credential = fido_cred_new();
	uint8_t user[USER_ID_LEN];
	bool ready = credential != NULL &&
	             getentropy(user, sizeof(user)) == 0 &&
	             fido_cred_set_type(credential, COSE_ES256) == FIDO_OK &&
	             fido_cred_set_rp(credential, TOUCH_PARTY, TOUCH_PARTY) == FIDO_OK &&
	             fido_cred_set_clientdata_hash(credential, request->challenge, CHALLENGE_LEN) ==
	                     FIDO_OK &&
	             fido_cred_set_user(credential, user, sizeof(user), USER_NAME, USER_NAME,
	                                NULL) == FIDO_OK;

	for (size_t i = 0; ready && i < request->n_credentials; i++)
		ready = fido_cred_exclude(credential, request->credentials[i].data,
		                          request->credentials[i].len) == FIDO_OK;
	if (!ready)
		fido_cred_free(&credential);
	return credential;
}

static void make(struct worker *worker) {
	struct touch_reply reply = {.kind = TOUCH_MADE, .verified = worker->pin != NULL};
	fido_cred_t *credential;
	int status;

	do {
		credential = new_credential(worker);
		status = credential != NULL
		                 ? fido_dev_make_cred(worker->key, credential, worker->pin)
		                 : FIDO_ERR_INTERNAL;
		if (status != FIDO_OK)
			fido_cred_free(&credential);
	} while (is_to_ask_again(status));
	if (is_called_off)
		end(worker);
	if (status != FIDO_OK)
		fail(worker, failure_of(status));
	reply.id = (struct bytes){fido_cred_id_ptr(credential), fido_cred_id_len(credential)};
	reply.point = (struct bytes){fido_cred_pubkey_ptr(credential),
	                             fido_cred_pubkey_len(credential)};
	reply.product = bytes_of_text(worker->device->product);
	if (fido_cred_type(credential) != COSE_ES256 || reply.id.len == 0 ||
	    reply.id.len > CREDENTIAL_LEN_MAX || reply.point.len != POINT_LEN)
		fail(worker, TOUCH_BROKEN);
	say(&reply);
	fido_cred_free(&credential);
}

/* ---- from first to last ---- */

/* Called off only where it waits for the device. */
static void prepare_signals(sigset_t *ret_mask) {
	struct sigaction action = {.sa_handler = on_sigterm};
	sigset_t term;

	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, ret_mask);
	sigdelset(ret_mask, SIGTERM);
}

static void open_key(struct worker *worker, const sigset_t *mask) {
	if (key_device_open(&worker->key, worker->device, mask) < 0) {
		worker->key = NULL;
		fail(worker, TOUCH_REMOVED);
	}
	if (!fido_dev_is_fido2(worker->key))
		fail(worker, TOUCH_NOT_OURS);
	if (worker->request->pin.len == 0)
		return;
	/* Before the PIN is given to it. */
	if (!fido_dev_has_pin(worker->key))
		fail(worker, TOUCH_PIN_NOT_SET);
	worker->pin = secret_new(PIN_SIZE);
	if (worker->pin == NULL)
		fail(worker, TOUCH_BROKEN);
	memcpy(worker->pin, worker->request->pin.data, worker->request->pin.len);
}

/* Whether the key can do what is asked. */
static void check_fit(struct worker *worker) {
	enum holds holds = worker->request->n_credentials > 0 ? look_for_credential(worker)
	                                                      : HOLDS_NOT;

	switch (worker->request->task) {
	case TOUCH_GET:
		if (holds == HOLDS_NOT)
			fail(worker, TOUCH_NOT_OURS);
		break;
	case TOUCH_MAKE:
		if (holds == HOLDS)
			fail(worker, TOUCH_ENROLLED);
		break;
	}
}

static void wait_for_leave(struct worker *worker, const sigset_t *mask) {
	fd_set ready;
	uint8_t byte;

	say_note(TOUCH_NOTE_HOLDS);
	FD_ZERO(&ready);
	FD_SET(CHILD_CHANNEL_FD, &ready);
	if (pselect(CHILD_CHANNEL_FD + 1, &ready, NULL, NULL, NULL, mask) != 1 || recv(CHILD_CHANNEL_FD, &byte, 1, 0) != 1)
		end(worker);
}

_Noreturn void touch_worker_run(int fd, const struct key_device *device,
                                const struct touch_request *request, pid_t parent) {
	struct worker worker = {.request = request, .device = device};
	sigset_t mask;

	if (child_begin(fd, parent) < 0 ||
	    secret_inherit(request->pin.data, request->pin.len) < 0)
		_exit(1);
	prepare_signals(&mask);
	fido_init(FIDO_DISABLE_U2F_FALLBACK);
	open_key(&worker, &mask);
	check_fit(&worker);
	wait_for_leave(&worker, &mask);
	say_note(TOUCH_NOTE_READY);
	switch (request->task) {
	case TOUCH_GET: get(&worker); break;
	case TOUCH_MAKE: make(&worker); break;
	}
	end(&worker);
}
