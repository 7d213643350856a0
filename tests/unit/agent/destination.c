/* What session, known_hosts and command line say together of where a login goes. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "agent/destination.h"
#include "base/argv.h"
#include "base/buffer.h"

/* Two hosts, A and B, whose keys are 32 of their letter. */
#define KEY_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define KEY_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"

static uint8_t blobs[2][51];

static struct bytes key_of(char host) {
	struct buffer blob = {0};
	uint8_t *to = blobs[host - 'A'];
	uint8_t raw[32];

	memset(raw, host, sizeof(raw));
	buffer_put_string(&blob, bytes_of_text("ssh-ed25519"));
	buffer_put_string(&blob, BYTES(raw));
	assert_int_equal(blob.len, sizeof(blobs[0]));
	memcpy(to, blob.data, blob.len);
	buffer_deinit(&blob);
	return (struct bytes){to, sizeof(blobs[0])};
}

/* The hosts of the session as letters, those that forward as capitals: "Ab" logs in at B over A. */
struct scene {
	const char *known_hosts; /* NULL: none was read */
	const char *session;
	const char *command; /* words with blanks between; NULL: not known */
	const char *title;   /* all there is of its arguments, in the place of a command */
	const char *policy;  /* a list of names; NULL: none */
	const char *alias;   /* what ssh makes of what was typed; NULL: it was not asked */
	uint16_t alias_port;
	enum meeting meeting;
	char signs;             /* the host that is in the signed bytes; 0: none */
	bool is_signature_else; /* no login */
	bool incomplete;
	unsigned apart; /* an OR of enum apart */
	const char *accepted; /* known_hosts of a locked policy; NULL: it is the same */
};

struct stage {
	struct known_hosts *index, *accepted;
	struct policy *policy;
	struct session session;
	struct session_hop *hops[4];
	struct caller caller;
	struct ssh_login login;
	struct destination_input input;
	struct ssh_alias alias;
	struct destination made;
	enum tri is_forwarded;
};

static void set_session(struct stage *stage, const char *letters) {
	for (; *letters != '\0'; letters++) {
		struct session_hop *hop = calloc(1, sizeof(*hop));
		bool forwards = *letters <= 'Z';

		hop->is_forwarding = forwards;
		hop->host_key = key_of((char)(*letters & ~0x20));
		stage->hops[stage->session.n_hops++] = hop;
	}
	stage->session.hops = stage->hops;
}

static void set_command(struct stage *stage, const char *command) {
	struct buffer joined = {0};

	if (command == NULL)
		return;
	buffer_put_raw(&joined, bytes_of_text(command));
	buffer_put_u8(&joined, ' ');
	for (size_t i = 0; i < joined.len; i++)
		if (joined.data[i] == ' ')
			joined.data[i] = '\0';
	assert_int_equal(argv_split(&stage->caller.process.argv, &stage->caller.process.argc,
	                            buffer_bytes(&joined)),
	                 0);
	buffer_deinit(&joined);
}

static void set_title(struct stage *stage, const char *title) {
	if (title != NULL)
		assert_int_equal(argv_split(&stage->caller.process.argv,
		                            &stage->caller.process.argc,
		                            (struct bytes){(const uint8_t *)title,
		                                           strlen(title) + 1}),
		                 0);
}

static void set_policy(struct stage *stage, const char *names) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	char text[512];

	snprintf(text, sizeof(text),
	         "default_action: deny\nrules: [{match: {ssh_dest: [%s]}, action: allow}]\n",
	         names);
	assert_int_equal(policy_parse(&stage->policy, bytes_of_text(text), "p", NULL, &problems),
	                 0);
}

static struct known_hosts *index_of(const char *text) {
	struct known_hosts *index = NULL;

	if (text == NULL)
		return NULL;
	assert_int_equal(known_hosts_new(&index), 0);
	assert_int_equal(known_hosts_add(index, bytes_of_text(text), KNOWN_HOSTS_USER), 0);
	return index;
}

static void stage_init(struct stage *stage, const struct scene *scene) {
	*stage = (struct stage){.index = index_of(scene->known_hosts),
	                        .accepted = index_of(scene->accepted)};
	stage->caller.apart = scene->apart;
	if (scene->alias != NULL)
		stage->alias = (struct ssh_alias){strdup(scene->alias), scene->alias_port};
	set_session(stage, scene->session);
	set_command(stage, scene->command);
	set_title(stage, scene->title);
	if (scene->policy != NULL)
		set_policy(stage, scene->policy);
	else
		assert_int_equal(policy_new_default(&stage->policy), 0);
	stage->login = (struct ssh_login){.user = bytes_of_text("git"),
	                                  .hostbound = scene->signs != 0};
	if (scene->signs != 0)
		stage->login.host_key = key_of(scene->signs);
	stage->input = (struct destination_input){
		.index = stage->index,
		.index_is_complete = !scene->incomplete,
		.accepted = stage->accepted,
		.policy = stage->policy,
		.caller = &stage->caller,
		.alias = scene->alias != NULL ? &stage->alias : NULL,
		.session = &stage->session,
		.meeting = scene->meeting,
		.login = scene->is_signature_else ? NULL : &stage->login,
		.is_for_login = !scene->is_signature_else,
	};
	assert_int_equal(destination_make(&stage->made, &stage->is_forwarded, &stage->input), 0);
}

static void stage_deinit(struct stage *stage) {
	destination_deinit(&stage->made);
	ssh_alias_deinit(&stage->alias);
	known_hosts_free(stage->index);
	known_hosts_free(stage->accepted);
	policy_unref(stage->policy);
	for (size_t i = 0; i < stage->session.n_hops; i++)
		free(stage->hops[i]);
	free(stage->caller.process.argv);
}

#define VERIFIED(letters) .session = (letters), .meeting = MEETING_VERIFIED, .signs = 'B'
#define ALIAS(name, port) .alias = (name), .alias_port = (port)
#define SSH_B             .command = "ssh git@b"

static void the_name_is_the_one_that_is_typed_if_the_key_has_it(void **state) {
	static const struct {
		struct scene scene;
		const char *ssh_dest; /* NULL: it has none */
		enum more_names more;
		enum tri mismatch, is_known;
	} rows[] = {
		{{"b.example,b " KEY_B, VERIFIED("b"), SSH_B},
	         "git@b",
	         MORE_NAMES_NONE,
	         TRI_NO,
	         TRI_YES},
		{{"b.example,b " KEY_B, VERIFIED("b"), .command = "ssh git@b.example"},
	         "git@b.example",
	         MORE_NAMES_NONE,
	         TRI_NO,
	         TRI_YES},
		/* An alias, perhaps: the shortest one. */
		{{"b.example,b.ex " KEY_B, VERIFIED("b"), .command = "ssh alias"},
	         "git@b.ex",
	         MORE_NAMES_NONE,
	         TRI_UNKNOWN,
	         TRI_YES},
		/* None, as another host has that name. */
		{{"b " KEY_B "\na " KEY_A, VERIFIED("b"), .command = "ssh a"},
	         "git@b",
	         MORE_NAMES_NONE,
	         TRI_YES,
	         TRI_YES},
		/* The right host, and another user. */
		{{"b " KEY_B, VERIFIED("b"), .command = "ssh root@b"},
	         "git@b",
	         MORE_NAMES_NONE,
	         TRI_YES,
	         TRI_YES},
		{{"[b]:2222 " KEY_B, VERIFIED("b"), .command = "ssh -p 2222 b"},
	         "git@b",
	         MORE_NAMES_NONE,
	         TRI_NO,
	         TRI_YES},
		{{"b " KEY_B, VERIFIED("b"), .command = "ssh -p 2222 b"},
	         "git@b",
	         MORE_NAMES_NONE,
	         TRI_NO,
	         TRI_YES},
		{{"*.example " KEY_B, VERIFIED("b"), .command = "ssh x.example"},
	         "git@x.example",
	         MORE_NAMES_HIDDEN,
	         TRI_NO,
	         TRI_YES},
		{{"*.example " KEY_B, VERIFIED("b"), .command = "ssh alias"},
	         NULL,
	         MORE_NAMES_HIDDEN,
	         TRI_UNKNOWN,
	         TRI_YES},
		{{"*.example " KEY_B, VERIFIED("b"), .command = "ssh alias",
	          .policy = "r.example, s.example, other"},
	         "git@r.example",
	         MORE_NAMES_HIDDEN,
	         TRI_UNKNOWN,
	         TRI_YES},
		{{"a " KEY_A, VERIFIED("b"), SSH_B}, NULL, MORE_NAMES_UNKNOWN, TRI_UNKNOWN, TRI_NO},
		{{"a " KEY_A, VERIFIED("b"), SSH_B, .incomplete = true},
	         NULL,
	         MORE_NAMES_UNKNOWN,
	         TRI_UNKNOWN,
	         TRI_UNKNOWN},
		{{NULL, VERIFIED("b"), SSH_B}, NULL, MORE_NAMES_UNKNOWN, TRI_UNKNOWN, TRI_UNKNOWN},
		{{"@revoked * " KEY_B "\nb " KEY_B, VERIFIED("b"), SSH_B},
	         NULL,
	         MORE_NAMES_UNKNOWN,
	         TRI_UNKNOWN,
	         TRI_NO},
		/* What cannot be read says nothing, and what logs in nowhere contradicts nothing.
	         */
		{{"b " KEY_B, VERIFIED("b")}, "git@b", MORE_NAMES_NONE, TRI_UNKNOWN, TRI_YES},
		{{"b " KEY_B, VERIFIED("b"), .command = "curl x"},
	         "git@b",
	         MORE_NAMES_NONE,
	         TRI_NO,
	         TRI_YES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;

		print_message("# row %zu\n", i);
		stage_init(&stage, &rows[i].scene);
		if (rows[i].ssh_dest == NULL)
			assert_null(stage.made.ssh_dest);
		else
			assert_string_equal(stage.made.ssh_dest, rows[i].ssh_dest);
		assert_int_equal(stage.made.host.more, rows[i].more);
		assert_int_equal(stage.made.mismatch, rows[i].mismatch);
		assert_int_equal(stage.made.is_known, rows[i].is_known);
		assert_int_equal(stage.made.known_by,
		                 rows[i].is_known == TRI_YES ? KNOWN_BY_USER : 0);
	}
}

#define A40       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_NAME A40 A40 A40 A40 A40

/* Lines for B's key that take longer to compare with the long name than one question may. */
static void put_hostile_lines(struct buffer *text) {
	for (int line = 0; line < 120; line++) {
		for (int i = 0; i < 4000; i++)
			buffer_put_raw(text, bytes_of_text("*a*a*a*a*a*b,"));
		buffer_put_raw(text, bytes_of_text("x " KEY_B "\n"));
	}
	buffer_put_raw(text, bytes_of_text("b.example " KEY_B "\n"));
	buffer_put_u8(text, '\0');
	assert_int_equal(buffer_error(text), 0);
}

/* A hole in a rule would be a name for which somebody made the answer too expensive. */
static void a_name_that_could_not_be_compared_may_be_the_hosts(void **state) {
	static const struct {
		const char *policy, *command, *ssh_dest;
		enum tri mismatch;
	} rows[] = {
		{LONG_NAME, "ssh b.example", "git@b.example", TRI_NO},
		{NULL, "ssh " LONG_NAME, "git@x", TRI_UNKNOWN},
	};
	CLEANUP(buffer_deinit) struct buffer text = {0};

	(void)state;
	put_hostile_lines(&text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;
		const struct scene scene = {(const char *)text.data, VERIFIED("b"),
		                            .command = rows[i].command, .policy = rows[i].policy};

		print_message("# row %zu\n", i);
		stage_init(&stage, &scene);
		assert_string_equal(stage.made.ssh_dest, rows[i].ssh_dest);
		assert_int_equal(stage.made.host.more, MORE_NAMES_UNKNOWN);
		assert_int_equal(stage.made.mismatch, rows[i].mismatch);
	}
}

#define BOTH     "a " KEY_A "\nb " KEY_B
#define UNBOUND  .session = "", .meeting = MEETING_NONE
#define BOUND(c) .session = (c), .meeting = MEETING_BOUND

static void what_nobody_here_has_asked_for_is_forwarded(void **state) {
	static const struct {
		struct scene scene;
		enum tri is_forwarded;
		const char *ssh_dest;
	} rows[] = {
		{{BOTH, VERIFIED("b"), SSH_B}, TRI_NO, "git@b"},
		{{BOTH, VERIFIED("Ab"), .command = "ssh -A a"}, TRI_YES, "git@b"},
		/* As by ssh -R: the far ssh tells of its own login alone. */
		{{BOTH, VERIFIED("b"), .command = "ssh -R x:y a"}, TRI_YES, "git@b"},
		{{BOTH, BOUND("b"), .command = "ssh -R x:y a"}, TRI_YES, "git@b"},
		/* As by ssh -R to an alias of a: nobody can say whose login this is, but ssh. */
		{{BOTH, VERIFIED("b"), .command = "ssh alias"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -R x:y alias"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, BOUND("b"), .command = "ssh alias"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh alias", ALIAS("b", 22)}, TRI_NO, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh alias", ALIAS("a", 22)}, TRI_YES, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh a", ALIAS("b", 22)}, TRI_NO, "git@b"},
		/* ssh is at a, whatever else is known by the name that was typed. */
		{{BOTH, VERIFIED("b"), .command = "ssh b", ALIAS("a", 22)}, TRI_YES, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh b", ALIAS("z", 22)}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh b", ALIAS("b", 22)}, TRI_NO, "git@b"},
		/* Nobody had the time to ask ssh. */
		{{BOTH, VERIFIED("b"), .command = "ssh b", ALIAS("", 0)}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -p 7 b", ALIAS("", 0)}, TRI_UNKNOWN, "git@b"},
		{{"b,z " KEY_B, VERIFIED("b"), .command = "ssh b", ALIAS("z", 22)},
	         TRI_NO,
	         "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -F x b", ALIAS("a", 22)},
	         TRI_NO,
	         "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -oHostName=b z", ALIAS("a", 22)},
	         TRI_NO,
	         "git@b"},
		{{"[b]:7 " KEY_B, VERIFIED("b"), .command = "ssh alias", ALIAS("b", 7)},
	         TRI_NO,
	         "git@b"},
		{{"[b]:7 " KEY_B, VERIFIED("b"), .command = "ssh alias", ALIAS("b", 8)},
	         TRI_UNKNOWN,
	         "git@b"},
		/* ssh takes a key that is listed without the port, but not where another is listed
		 * with it: then this is not the host that was typed. */
		{{BOTH, VERIFIED("b"), .command = "ssh -p 7 b"}, TRI_NO, "git@b"},
		{{"[b]:7 " KEY_A "\nb " KEY_B, VERIFIED("b"), .command = "ssh -p 7 b"},
	         TRI_YES,
	         "git@b"},
		{{"[b]:7 " KEY_A "\nb " KEY_B, VERIFIED("b"), .command = "ssh alias",
	          ALIAS("b", 7)},
	         TRI_YES,
	         "git@b"},
		/* Of -o HostName ssh looks up that name alone. What was typed beside it is another. */
		{{BOTH, VERIFIED("b"), .command = "ssh -oHostName=a b"}, TRI_YES, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -oHostName=z b"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -oHostName=%h b"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh alias", ALIAS("other", 22)},
	         TRI_UNKNOWN,
	         "git@b"},
		/* A host that nobody knows may be any. */
		{{"a " KEY_A, VERIFIED("b"), SSH_B}, TRI_UNKNOWN, NULL},
		{{NULL, VERIFIED("b"), SSH_B}, TRI_UNKNOWN, NULL},
		/* Who speaks for others, and says of himself what a far client says. */
		{{BOTH, VERIFIED("b"), .command = "socat a b"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b")}, TRI_UNKNOWN, "git@b"},
		{{BOTH, VERIFIED("b"), .command = "ssh -V"}, TRI_YES, "git@b"},
		{{BOTH, VERIFIED("b"), .title = "ssh: /tmp/b [mux]"}, TRI_YES, "git@b"},
		{{BOTH, VERIFIED("Ab"), .title = "ssh: /tmp/b [mux]"}, TRI_YES, "git@b"},
		/* What is no login is no better for a bind. */
		{{BOTH, .session = "b", .is_signature_else = true, SSH_B}, TRI_NO, NULL},
		{{BOTH, .session = "b", .is_signature_else = true, .command = "ssh -R x:y a"},
	         TRI_YES,
	         NULL},
		{{BOTH, .session = "b", .is_signature_else = true, .command = "ssh alias"},
	         TRI_UNKNOWN,
	         NULL},
		/* Without a bind. */
		{{BOTH, UNBOUND, .signs = 'B', SSH_B}, TRI_UNKNOWN, "git@b"},
		{{BOTH, UNBOUND, .signs = 'B', .command = "ssh a"}, TRI_YES, NULL},
		{{BOTH, UNBOUND, .signs = 'B', .command = "ssh alias"}, TRI_YES, NULL},
		{{NULL, UNBOUND, .signs = 'B', .command = "ssh b"}, TRI_UNKNOWN, "git@b"},
		{{BOTH, UNBOUND, SSH_B}, TRI_UNKNOWN, "git@b"},
		{{BOTH, UNBOUND, .command = "ssh -A b"}, TRI_YES, NULL},
		{{BOTH, UNBOUND, .command = "ssh -oForwardAgent=yes b"}, TRI_YES, NULL},
		{{BOTH, UNBOUND, .command = "ssh -R x:y b"}, TRI_YES, NULL},
		{{BOTH, UNBOUND, .command = "socat a b"}, TRI_YES, NULL},
		{{BOTH, UNBOUND, .command = "ssh -V"}, TRI_YES, NULL},
		{{BOTH, UNBOUND, .signs = 'B'}, TRI_UNKNOWN, NULL},
		{{BOTH, UNBOUND, .is_signature_else = true, SSH_B}, TRI_UNKNOWN, NULL},
		{{BOTH, UNBOUND, .is_signature_else = true, .command = "socat a b"},
	         TRI_UNKNOWN,
	         NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;

		print_message("# row %zu\n", i);
		stage_init(&stage, &rows[i].scene);
		assert_int_equal(stage.is_forwarded, rows[i].is_forwarded);
		if (rows[i].ssh_dest == NULL)
			assert_null(stage.made.ssh_dest);
		else
			assert_string_equal(stage.made.ssh_dest, rows[i].ssh_dest);
		assert_int_equal(stage.made.evidence,
		                 rows[i].scene.meeting == MEETING_NONE && rows[i].ssh_dest != NULL
		                         ? DEST_EVIDENCE_COMMAND_LINE
		                         : DEST_EVIDENCE_NONE);
	}
}

/* And then ssh is asked what it makes of that. */
static void a_typed_name_that_is_not_the_hosts_may_be_an_alias(void **state) {
	static const struct {
		struct scene scene;
		const char *typed;
	} rows[] = {
		{{BOTH, VERIFIED("b"), .command = "ssh alias"}, "alias"},
		{{BOTH, VERIFIED("b"), .command = "ssh -p 7 git@a"}, "a"},
		/* Its name may be another's in ssh's configuration. */
		{{BOTH, VERIFIED("b"), SSH_B}, "b"},
		{{BOTH, VERIFIED("b"), SSH_B, ALIAS("b", 22)}, NULL},
		{{BOTH, VERIFIED("Ab"), .command = "ssh alias"}, NULL},
		{{BOTH, VERIFIED("b"), .command = "ssh -F x alias"}, NULL},
		{{BOTH, VERIFIED("b"), .command = "ssh -oHostName=x alias"}, NULL},
		{{BOTH, VERIFIED("b"), .command = "ssh -oHostKeyAlias=x alias"}, NULL},
		{{BOTH, VERIFIED("b"), .command = "ssh alias", .apart = APART_MNT}, NULL},
		{{BOTH, VERIFIED("b"), .command = "ssh alias", ALIAS("x", 22)}, NULL},
		{{NULL, VERIFIED("b"), .command = "ssh alias"}, NULL},
		{{BOTH, VERIFIED("b"), .command = "socat a b"}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;

		print_message("# row %zu\n", i);
		stage_init(&stage, &rows[i].scene);
		if (rows[i].typed == NULL)
			assert_null(stage.made.typed);
		else
			assert_string_equal(stage.made.typed, rows[i].typed);
	}
}

static void hosts_on_the_way_have_names_of_their_own(void **state) {
	static const struct scene scenes[] = {
		{"a,b.x " KEY_A, VERIFIED("ABb"), .command = "ssh -A b.x"},
		{NULL, VERIFIED("ABb"), .command = "ssh -A b.x"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(stage_deinit) struct stage stage;

		stage_init(&stage, &scenes[i]);
		assert_true(stage.made.hops_known);
		assert_int_equal(stage.made.n_hops, 2);
		assert_int_equal(stage.made.hops[0].n_names, i == 0 ? 2 : 0);
		if (i == 0) /* the command line is that of the one who forwards to it */
			assert_string_equal(stage.made.hops[0].names[0], "b.x");
		assert_int_equal(stage.made.hops[1].n_names, 0);
		assert_int_equal(stage.made.hops[1].more, MORE_NAMES_UNKNOWN);
	}
}

static void a_revoked_key_is_seen_also_where_nothing_is_proved(void **state) {
	static const struct scene scenes[] = {
		{"@revoked * " KEY_B, VERIFIED("b"), SSH_B},
		{"@revoked * " KEY_B, UNBOUND, .signs = 'B', SSH_B},
		{"@revoked * " KEY_B, .session = "Ab", .meeting = MEETING_NONE, SSH_B},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;

		stage_init(&stage, &scenes[i]);
		assert_true(stage.made.is_revoked);
		assert_false(destination_is_news(&stage.made, &stage.input));
	}
}

static void a_key_that_is_not_known_is_news(void **state) {
	static const struct {
		struct scene scene;
		bool is_news;
	} rows[] = {
		{{"a " KEY_A, VERIFIED("b"), SSH_B}, true},
		{{"b " KEY_B, VERIFIED("b"), SSH_B}, false},
		{{"a " KEY_A, UNBOUND, SSH_B}, false}, /* there is no key */
		{{"a " KEY_A, .session = "b", .is_signature_else = true, SSH_B}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;

		stage_init(&stage, &rows[i].scene);
		assert_int_equal(destination_is_news(&stage.made, &stage.input), rows[i].is_news);
	}
}

/* Under a lock. What only one of both says lets nothing through: neither a line that somebody has
 * appended, nor one that he has removed. */
static void what_differs_from_what_was_accepted_is_in_doubt(void **state) {
	static const struct {
		struct scene scene;
		size_t n_names, n_doubtful;
		const char *ssh_dest; /* NULL: it has none */
		enum tri is_known, is_listed, mismatch, is_forwarded, is_accepted;
	} rows[] = {
		{{"b " KEY_B, .accepted = "b " KEY_B, VERIFIED("b"), SSH_B},
	         1,
	         0,
	         "git@b",
	         TRI_YES,
	         TRI_YES,
	         TRI_NO,
	         TRI_NO,
	         TRI_YES},
		/* What changes of other hosts, does not matter. */
		{{"c " KEY_A "\nb " KEY_B, .accepted = "b " KEY_B "\na " KEY_A, VERIFIED("b"),
	          SSH_B},
	         1,
	         0,
	         "git@b",
	         TRI_YES,
	         TRI_YES,
	         TRI_NO,
	         TRI_NO,
	         TRI_YES},
		/* A key that is new. */
		{{"a " KEY_A "\nb " KEY_B, .accepted = "a " KEY_A, VERIFIED("b"), SSH_B},
	         1,
	         1,
	         "git@b",
	         TRI_UNKNOWN,
	         TRI_YES,
	         TRI_UNKNOWN,
	         TRI_UNKNOWN,
	         TRI_NO},
		/* Under the name of a host that has another one: by that it was not asked for. */
		{{"a " KEY_A "\na " KEY_B, .accepted = "a " KEY_A, VERIFIED("b"),
	          .command = "ssh a"},
	         1,
	         1,
	         "git@a",
	         TRI_UNKNOWN,
	         TRI_YES,
	         TRI_UNKNOWN,
	         TRI_YES,
	         TRI_NO},
		/* A known key that got another name: the accepted one is shown. */
		{{"b,x " KEY_B, .accepted = "b " KEY_B, VERIFIED("b"), .command = "ssh x"},
	         2,
	         1,
	         "git@b",
	         TRI_YES,
	         TRI_YES,
	         TRI_UNKNOWN,
	         TRI_UNKNOWN,
	         TRI_NO},
		/* And one that lost it. */
		{{"x " KEY_B, .accepted = "b " KEY_B, VERIFIED("b"), .command = "ssh x"},
	         2,
	         2,
	         "git@x",
	         TRI_YES,
	         TRI_YES,
	         TRI_UNKNOWN,
	         TRI_UNKNOWN,
	         TRI_NO},
		{{"a " KEY_A, .accepted = "b " KEY_B, VERIFIED("b"), SSH_B},
	         1,
	         1,
	         "git@b",
	         TRI_UNKNOWN,
	         TRI_NO,
	         TRI_UNKNOWN,
	         TRI_UNKNOWN,
	         TRI_NO},
		/* A host on the way is in doubt like the one at its end. */
		{{"a " KEY_A "\nb " KEY_B, .accepted = "b " KEY_B, VERIFIED("Ab"),
	          .command = "ssh -A a"},
	         1,
	         0,
	         "git@b",
	         TRI_YES,
	         TRI_YES,
	         TRI_UNKNOWN,
	         TRI_YES,
	         TRI_NO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(stage_deinit) struct stage stage;
		const struct destination *made = &stage.made;

		print_message("# row %zu\n", i);
		stage_init(&stage, &rows[i].scene);
		assert_int_equal(made->host.n_names, rows[i].n_names);
		assert_int_equal(made->host.n_doubtful, rows[i].n_doubtful);
		assert_string_equal(made->ssh_dest, rows[i].ssh_dest);
		assert_int_equal(made->is_known, rows[i].is_known);
		assert_int_equal(made->is_listed, rows[i].is_listed);
		assert_int_equal(made->mismatch, rows[i].mismatch);
		assert_int_equal(stage.is_forwarded, rows[i].is_forwarded);
		assert_int_equal(made->is_accepted, rows[i].is_accepted);
		assert_int_equal(made->known_by, made->is_known == TRI_YES ? KNOWN_BY_USER : 0);
		assert_int_equal(made->doubted_by, made->is_known == TRI_YES ? 0 : KNOWN_BY_USER);
		assert_int_equal(destination_is_news(made, &stage.input),
		                 made->is_listed != TRI_YES);
		if (made->n_hops > 0)
			assert_int_equal(made->hops[0].n_doubtful, 1);
	}
}

static void what_either_of_both_revokes_is_revoked(void **state) {
	static const struct scene scenes[] = {
		{"@revoked * " KEY_B, .accepted = "b " KEY_B, VERIFIED("b"), SSH_B},
		{"b " KEY_B, .accepted = "@revoked * " KEY_B, VERIFIED("b"), SSH_B},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(stage_deinit) struct stage stage;

		stage_init(&stage, &scenes[i]);
		assert_true(stage.made.is_revoked);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_the_one_that_is_typed_if_the_key_has_it),
		cmocka_unit_test(a_name_that_could_not_be_compared_may_be_the_hosts),
		cmocka_unit_test(what_nobody_here_has_asked_for_is_forwarded),
		cmocka_unit_test(a_typed_name_that_is_not_the_hosts_may_be_an_alias),
		cmocka_unit_test(hosts_on_the_way_have_names_of_their_own),
		cmocka_unit_test(a_revoked_key_is_seen_also_where_nothing_is_proved),
		cmocka_unit_test(a_key_that_is_not_known_is_news),
		cmocka_unit_test(what_differs_from_what_was_accepted_is_in_doubt),
		cmocka_unit_test(what_either_of_both_revokes_is_revoked),
	};

	return cmocka_run_group_tests_name("agent/destination", tests, NULL, NULL);
}
