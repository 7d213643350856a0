/* The security key in software, by libfido2 itself. */
#include "unit.h"

#include <fido.h>
#include <fido/es256.h>

#include "softkey_child.h"
#include "transport.h"

#define PARTY "a party"

static char directory[] = "/tmp/softkey-XXXXXX";
static const uint8_t challenge[32] = "a challenge of thirty-two bytes";

struct place {
	struct softkey_child child;
	fido_dev_t *device;
};

static void open_device(struct place *place) {
	char path[128];

	snprintf(path, sizeof(path), SOFTKEY_SCHEME "%s", place->child.path);
	place->device = fido_dev_new();
	assert_int_equal(fido_dev_set_io_functions(place->device, &softkey_io), FIDO_OK);
	assert_int_equal(fido_dev_open(place->device, path), FIDO_OK);
}

static void close_device(struct place *place) {
	fido_dev_close(place->device);
	fido_dev_free(&place->device);
}

static void begin(struct place *place, struct softkey_options options) {
	sha256(options.secret, bytes_of_text("a secret"));
	softkey_start(&place->child, directory, "key", options);
	softkey_wait(&place->child, "ready");
	open_device(place);
}

static void end(struct place *place) {
	close_device(place);
	softkey_end(&place->child);
}

static int try_make(struct place *place, fido_cred_t **ret, const char *pin,
                    const fido_cred_t *excluded) {
	fido_cred_t *credential = fido_cred_new();
	int status;

	fido_cred_set_type(credential, COSE_ES256);
	fido_cred_set_rp(credential, PARTY, PARTY);
	fido_cred_set_clientdata_hash(credential, challenge, sizeof(challenge));
	fido_cred_set_user(credential, challenge, sizeof(challenge), "user", "user", NULL);
	if (excluded != NULL)
		fido_cred_exclude(credential, fido_cred_id_ptr(excluded),
		                  fido_cred_id_len(excluded));
	status = fido_dev_make_cred(place->device, credential, pin);
	if (status == FIDO_OK && ret != NULL)
		*ret = credential;
	else
		fido_cred_free(&credential);
	return status;
}

static fido_cred_t *make(struct place *place, const char *pin) {
	fido_cred_t *credential = NULL;

	softkey_say(&place->child, "touch");
	assert_int_equal(try_make(place, &credential, pin, NULL), FIDO_OK);
	return credential;
}

static int try_get(struct place *place, fido_assert_t **ret, const fido_cred_t *credential,
                   const char *pin) {
	fido_assert_t *assertion = fido_assert_new();
	int status;

	fido_assert_set_rp(assertion, PARTY);
	fido_assert_set_clientdata_hash(assertion, challenge, sizeof(challenge));
	fido_assert_allow_cred(assertion, fido_cred_id_ptr(credential),
	                       fido_cred_id_len(credential));
	status = fido_dev_get_assert(place->device, assertion, pin);
	if (status == FIDO_OK && ret != NULL)
		*ret = assertion;
	else
		fido_assert_free(&assertion);
	return status;
}

static int verify(const fido_assert_t *assertion, const fido_cred_t *credential) {
	es256_pk_t *key = es256_pk_new();
	int status;

	es256_pk_from_ptr(key, fido_cred_pubkey_ptr(credential), fido_cred_pubkey_len(credential));
	status = fido_assert_verify(assertion, 0, COSE_ES256, key);
	es256_pk_free(&key);
	return status;
}

static void a_credential_signs_and_counts(void **state) {
	struct place place;
	fido_cred_t *credential;
	fido_assert_t *first = NULL, *second = NULL;

	(void)state;
	begin(&place, (struct softkey_options){.ctap21 = true, .counter = 40});
	credential = make(&place, NULL);
	assert_int_equal(fido_cred_verify_self(credential), FIDO_OK);
	softkey_say(&place.child, "touch");
	assert_int_equal(try_get(&place, &first, credential, NULL), FIDO_OK);
	assert_int_equal(verify(first, credential), FIDO_OK);
	assert_int_equal(fido_assert_flags(first, 0), CTAP_AUTHDATA_USER_PRESENT);
	softkey_say(&place.child, "touch");
	assert_int_equal(try_get(&place, &second, credential, NULL), FIDO_OK);
	assert_int_equal(fido_assert_sigcount(first, 0), 42);
	assert_int_equal(fido_assert_sigcount(second, 0), 43);
	softkey_say(&place.child, "touch");
	assert_int_equal(try_make(&place, NULL, NULL, credential), FIDO_ERR_CREDENTIAL_EXCLUDED);
	fido_assert_free(&first);
	fido_assert_free(&second);
	fido_cred_free(&credential);
	end(&place);
}

static void a_refusal_is_one_and_a_key_that_is_gone_answers_nothing(void **state) {
	struct place place;
	fido_cred_t *credential;

	(void)state;
	begin(&place, (struct softkey_options){.ctap21 = true});
	credential = make(&place, NULL);
	softkey_say(&place.child, "refuse");
	assert_int_equal(try_get(&place, NULL, credential, NULL), FIDO_ERR_OPERATION_DENIED);
	softkey_say(&place.child, "vanish");
	softkey_wait(&place.child, "gone");
	assert_int_not_equal(try_get(&place, NULL, credential, NULL), FIDO_OK);
	softkey_say(&place.child, "appear");
	softkey_wait(&place.child, "ready");
	close_device(&place);
	open_device(&place);
	softkey_say(&place.child, "touch");
	assert_int_equal(try_get(&place, NULL, credential, NULL), FIDO_OK);
	fido_cred_free(&credential);
	end(&place);
}

static void check_pin(bool ctap21) {
	struct place place;
	fido_cred_t *credential;
	fido_assert_t *assertion = NULL;
	int retries = 0;

	begin(&place, (struct softkey_options){.ctap21 = ctap21, .pin = "12345"});
	assert_true(fido_dev_has_pin(place.device));
	credential = make(&place, "12345");
	assert_int_equal(fido_cred_flags(credential) & CTAP_AUTHDATA_USER_VERIFIED,
	                 CTAP_AUTHDATA_USER_VERIFIED);
	softkey_say(&place.child, "touch");
	assert_int_equal(try_get(&place, &assertion, credential, "12345"), FIDO_OK);
	assert_int_equal(verify(assertion, credential), FIDO_OK);
	assert_int_equal(fido_assert_flags(assertion, 0),
	                 CTAP_AUTHDATA_USER_PRESENT | CTAP_AUTHDATA_USER_VERIFIED);
	fido_assert_free(&assertion);
	assert_int_equal(try_get(&place, NULL, credential, "54321"), FIDO_ERR_PIN_INVALID);
	assert_int_equal(fido_dev_get_retry_count(place.device, &retries), FIDO_OK);
	assert_int_equal(retries, 7);
	assert_int_equal(try_get(&place, NULL, credential, "54321"), FIDO_ERR_PIN_INVALID);
	assert_int_equal(try_get(&place, NULL, credential, "54321"), FIDO_ERR_PIN_AUTH_BLOCKED);
	assert_int_equal(try_get(&place, NULL, credential, "12345"), FIDO_ERR_PIN_AUTH_BLOCKED);
	for (int i = 0; i < 5; i++) {
		softkey_say(&place.child, "vanish");
		softkey_say(&place.child, "appear");
		softkey_wait(&place.child, "gone");
		softkey_wait(&place.child, "ready");
		close_device(&place);
		open_device(&place);
		try_get(&place, NULL, credential, "54321");
	}
	assert_int_equal(try_get(&place, NULL, credential, "12345"), FIDO_ERR_PIN_BLOCKED);
	fido_cred_free(&credential);
	end(&place);
}

static void a_pin_is_checked_counted_and_blocked_by_protocol_1(void **state) {
	(void)state;
	check_pin(false);
}

static void a_pin_is_checked_counted_and_blocked_by_protocol_2(void **state) {
	(void)state;
	check_pin(true);
}

static void a_pin_can_be_set_and_changed(void **state) {
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct place place;

		begin(&place, (struct softkey_options){.ctap21 = i == 1});
		assert_int_equal(fido_dev_set_pin(place.device, "first pin", NULL), FIDO_OK);
		assert_int_equal(fido_dev_set_pin(place.device, "second pin", "wrong pin"),
		                 FIDO_ERR_PIN_INVALID);
		assert_int_equal(fido_dev_set_pin(place.device, "second pin", "first pin"),
		                 FIDO_OK);
		end(&place);
	}
}

static void clones_are_told_apart_by_their_counters_alone(void **state) {
	struct place place, clone;
	fido_cred_t *credential;
	fido_assert_t *assertion = NULL;
	struct softkey_options options = {.ctap21 = true};

	(void)state;
	begin(&place, (struct softkey_options){.ctap21 = true, .counter = 100});
	credential = make(&place, NULL);
	sha256(options.secret, bytes_of_text("a secret"));
	softkey_start(&clone.child, directory, "clone", options);
	softkey_wait(&clone.child, "ready");
	open_device(&clone);
	softkey_say(&clone.child, "touch");
	assert_int_equal(try_get(&clone, &assertion, credential, NULL), FIDO_OK);
	assert_int_equal(verify(assertion, credential), FIDO_OK);
	assert_int_equal(fido_assert_sigcount(assertion, 0), 1);
	fido_assert_free(&assertion);
	fido_cred_free(&credential);
	end(&clone);
	end(&place);
}

static void what_waits_can_be_cancelled(void **state) {
	static const sigset_t none;
	struct place place;
	fido_cred_t *credential;

	(void)state;
	begin(&place, (struct softkey_options){.ctap21 = true});
	credential = make(&place, NULL);
	softkey_io_set_mask(place.device, &none);
	fido_dev_set_timeout(place.device, 300);
	assert_int_not_equal(try_get(&place, NULL, credential, NULL), FIDO_OK);
	assert_int_equal(fido_dev_cancel(place.device), FIDO_OK);
	softkey_wait(&place.child, "cancelled");
	fido_cred_free(&credential);
	end(&place);
}

static int set_up(void **state) {
	(void)state;
	fido_init(FIDO_DISABLE_U2F_FALLBACK);
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	return rmdir(directory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_credential_signs_and_counts),
		cmocka_unit_test(a_refusal_is_one_and_a_key_that_is_gone_answers_nothing),
		cmocka_unit_test(a_pin_is_checked_counted_and_blocked_by_protocol_1),
		cmocka_unit_test(a_pin_is_checked_counted_and_blocked_by_protocol_2),
		cmocka_unit_test(a_pin_can_be_set_and_changed),
		cmocka_unit_test(clones_are_told_apart_by_their_counters_alone),
		cmocka_unit_test(what_waits_can_be_cancelled),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
