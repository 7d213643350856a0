/* Whether the touch that an event tells of was one, from the event and the public keys alone. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "confirm/proof.h"
#include "crypto.h"
#include "log/event_yaml.h"
#include "log/statement.h"
#include "log/touched.h"

struct scene {
	struct enrolment keys;
	EVP_PKEY *key;
	struct touch_proof *proof;
	struct payload payload;
	struct caller caller;
	struct request request;
	struct event event;
	struct buffer document;
};

static void write_event(struct scene *scene) {
	buffer_clear(&scene->document);
	assert_int_equal(event_yaml(&scene->document, &scene->event), 0);
}

static void sign(struct scene *scene) {
	uint8_t challenge[CHALLENGE_LEN], auth_data[AUTH_DATA_LEN] = {0}, signature[SIGNATURE_MAX];
	struct assertion assertion = {BYTES(auth_data), {signature, 0}};

	sha256(auth_data, bytes_of_text(TOUCH_PARTY));
	auth_data[32] = 1;
	auth_data[36] = 7;
	assert_int_equal(proof_challenge(challenge, scene->proof), 0);
	assertion.signature.len = p256_sign(signature, scene->key, BYTES(auth_data),
	                                    BYTES(challenge));
	assert_int_equal(proof_complete(scene->proof, &scene->keys.keys[0], &assertion), 0);
}

/* A login that one touch said yes to, along with another request. */
static void begin(struct scene *scene) {
	CLEANUP(buffer_deinit) struct buffer statement = {0};

	*scene = (struct scene){.keys = {.count = 1}};
	scene->key = p256_new(scene->keys.keys[0].point, NULL);
	strcpy(scene->keys.keys[0].name, "key");
	scene->keys.keys[0].id_len = 3;
	scene->payload = (struct payload){
		.kind = PAYLOAD_SSH_LOGIN,
		.login = {.session_id = bytes_of_text("session"), .user = bytes_of_text("git")}};
	scene->caller = (struct caller){.state = CALLER_IDENTIFIED, .uid = 1000, .gid = 1000};
	scene->caller.process.pid = 4711;
	scene->request = (struct request){.operation = OPERATION_SIGN,
	                                  .caller = &scene->caller,
	                                  .payload = &scene->payload,
	                                  .endpoint = "default"};
	scene->event = (struct event){
		.trigger = "sign", .request = &scene->request, .signed_sha256 = "00ff"};
	write_event(scene);
	statement_put(&statement, buffer_bytes(&scene->document));
	assert_int_equal(proof_new(&scene->proof), 0);
	strcpy(scene->proof->requests[0], "00");
	assert_int_equal(digest_hex(scene->proof->requests[1], buffer_bytes(&statement)), 0);
	scene->proof->n_requests = 2;
	sign(scene);
	/* What else an event says once it is decided. */
	scene->event.decision = "confirmed";
	scene->event.rule = "ask";
	scene->event.confirm_method = "touch";
	scene->event.confirm_via = "touch";
	scene->event.proof = scene->proof;
	scene->event.outcome = "success";
	write_event(scene);
}

static void end(struct scene *scene) {
	EVP_PKEY_free(scene->key);
	proof_unref(scene->proof);
	buffer_deinit(&scene->document);
}

static enum touched check(struct scene *scene) {
	return touched_check(buffer_bytes(&scene->document), &scene->keys);
}

static void a_touch_for_this_event_is_good_whatever_else_the_event_says(void **state) {
	struct scene scene;

	(void)state;
	begin(&scene);
	assert_int_equal(check(&scene), TOUCHED_GOOD);
	scene.event.rule = "another";
	scene.event.outcome = "failure";
	scene.event.latency_us = 5;
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_GOOD);
	end(&scene);
}

static void one_for_something_else_is_not(void **state) {
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.payload.login.user = bytes_of_text("root");
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	scene.payload.login.user = bytes_of_text("git");
	scene.caller.process.pid++;
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	scene.caller.process.pid--;
	scene.event.signed_sha256 = "00fe";
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	scene.event.signed_sha256 = "00ff";
	scene.event.trigger = "enrolled";
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	end(&scene);
}

static void what_was_changed_in_the_proof_is_none(void **state) {
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.proof->requests[0][0] = '1';
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_BAD);
	scene.proof->requests[0][0] = '0';
	scene.proof->nonce[0] ^= 1;
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_BAD);
	scene.proof->nonce[0] ^= 1;
	scene.proof->auth_data[65] ^= 1; /* the flag of the touch */
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_BAD);
	scene.proof->auth_data[65] ^= 1;
	strcpy(scene.proof->signature, "xx");
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_BAD);
	end(&scene);
}

static void without_its_key_or_proof_nothing_is_shown(void **state) {
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.keys.count = 0;
	assert_int_equal(check(&scene), TOUCHED_STRANGER);
	scene.keys.count = 1;
	scene.keys.keys[0].point[0] ^= 1;
	assert_int_equal(check(&scene), TOUCHED_BAD);
	scene.event.proof = NULL;
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_LACKS);
	scene.event.confirm_via = "grant";
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_BEFORE);
	scene.event.confirm_method = "pin";
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_NOT);
	end(&scene);
}

static void a_change_names_what_was_and_what_is(void **state) {
	struct scene scene;

	(void)state;
	begin(&scene);
	memset(scene.proof->before, 'a', PROOF_HASH_SIZE - 1);
	memset(scene.proof->after, 'b', PROOF_HASH_SIZE - 1);
	scene.proof->n_requests = 0;
	sign(&scene);
	scene.event = (struct event){.trigger = "enrolled", .proof = scene.proof};
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_GOOD);
	scene.event.trigger = "sign";
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	/* Of a policy, the event must name it. */
	scene.event.trigger = "policy-accepted";
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	scene.event.detail = scene.proof->after;
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_GOOD);
	end(&scene);
}

static void a_touch_ends_panic_only_where_it_was_for_that(void **state) {
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.proof->n_requests = 0;
	assert_int_equal(digest_hex(scene.proof->before, bytes_of_text(CHALLENGE_PANIC)), 0);
	memset(scene.proof->after, 'b', PROOF_HASH_SIZE - 1);
	sign(&scene);
	scene.event = (struct event){.trigger = "panic-off", .proof = scene.proof};
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_OTHER);
	assert_int_equal(digest_hex(scene.proof->after, bytes_of_text(CHALLENGE_PANIC_OFF)), 0);
	sign(&scene);
	write_event(&scene);
	assert_int_equal(check(&scene), TOUCHED_GOOD);
	end(&scene);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_touch_for_this_event_is_good_whatever_else_the_event_says),
		cmocka_unit_test(one_for_something_else_is_not),
		cmocka_unit_test(what_was_changed_in_the_proof_is_none),
		cmocka_unit_test(without_its_key_or_proof_nothing_is_shown),
		cmocka_unit_test(a_change_names_what_was_and_what_is),
		cmocka_unit_test(a_touch_ends_panic_only_where_it_was_for_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
