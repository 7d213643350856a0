/*
 * Command lines and where they go. Arguments are separated by '|' here. Where a real ssh is there
 * to be asked (ssh -G), it is the judge.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/bytes.h"
#include "caller/ssh_argv.h"

#define WORDS_MAX 64

struct line {
	char *text;
	const char *words[WORDS_MAX];
	size_t count;
};

static void line_split(struct line *ret, const char *text) {
	char *rest = ret->text = strdup(text);
	char *word;

	assert_non_null(rest);
	ret->count = 0;
	while ((word = strsep(&rest, "|")) != NULL) {
		assert_true(ret->count < WORDS_MAX);
		ret->words[ret->count++] = word;
	}
}

static struct ssh_argv read_as(const char *program, const char *text) {
	struct ssh_argv ssh;
	struct line line;

	line_split(&line, text);
	assert_int_equal(ssh_argv_read(&ssh, program, line.words, line.count, false), 0);
	free(line.text);
	return ssh;
}

static size_t put(char *text, size_t len, size_t size, const char *before, const char *value) {
	if (value == NULL)
		return len;
	assert_true(len + strlen(before) + strlen(value) < size);
	strcpy(stpcpy(text + len, before), value);
	return strlen(text);
}

static size_t put_place(char *text, size_t len, size_t size, const char *before,
                        const struct ssh_place *place) {
	char port[16];

	len = put(text, len, size, before, place->user != NULL ? place->user : "");
	len = put(text, len, size, place->user != NULL ? "@" : "", place->host);
	snprintf(port, sizeof(port), "%u", place->port);
	return put(text, len, size, ":", place->port != 0 ? port : NULL);
}

/* "user@host:port via user@jump:port name=... alias=... control=... push=..." */
static void describe(char *ret, size_t size, const struct ssh_argv *ssh) {
	static const char *const states[] = {
		[SSH_ARGV_UNKNOWN] = "unknown", [SSH_ARGV_OTHER] = "other",
		[SSH_ARGV_LOCAL] = "local",     [SSH_ARGV_HOST] = "",
		[SSH_ARGV_MASTER] = "master",
	};
	char git[32];
	size_t len = put(ret, 0, size, "", states[ssh->state]);

	if (ssh->state == SSH_ARGV_LOCAL)
		return;
	if (ssh->state == SSH_ARGV_HOST)
		len = put_place(ret, len, size, "", &ssh->destination);
	for (size_t i = 0; i < ssh->n_jumps; i++)
		len = put_place(ret, len, size, " via ", &ssh->jumps[i]);
	len = put(ret, len, size, "", ssh->has_proxy_command ? " by command" : NULL);
	len = put(ret, len, size, " name=", ssh->host_name);
	len = put(ret, len, size, " alias=", ssh->host_key_alias);
	len = put(ret, len, size, " control=", ssh->control_path);
	snprintf(git, sizeof(git), " %s=", git_operation_name(ssh->git_operation));
	put(ret, len, size, git, ssh->git_repo);
}

struct expectation {
	const char *line, *description;
};

static void assert_all(const char *program, const struct expectation *all, size_t count) {
	for (size_t i = 0; i < count; i++) {
		char description[2048] = "";
		struct ssh_argv ssh = read_as(program, all[i].line);

		describe(description, sizeof(description), &ssh);
		if (strcmp(description, all[i].description) != 0)
			fail_msg("%s is \"%s\", not \"%s\"", all[i].line, description,
			         all[i].description);
		ssh_argv_deinit(&ssh);
	}
}

#define ASSERT_ALL(program, all) assert_all(program, all, sizeof(all) / sizeof(*(all)))

static void ssh_names_its_destination(void **state) {
	static const struct expectation all[] = {
		{"ssh|host", "host"},
		{"ssh|user@host", "user@host"},
		{"ssh|user@realm@host", "user@realm@host"},
		{"ssh|::1", "::1"},
		{"ssh|u@fe80::1%eth0", "u@fe80::1%eth0"},
		{"ssh|ssh://host", "host"},
		{"ssh|ssh://user@host:2222", "user@host:2222"},
		{"ssh|ssh://user@host:2222/", "user@host:2222"},
		{"ssh|ssh://u%40v;x=y@host", "u@v@host"},
		{"ssh|ssh://u@[::1]:22", "u@::1:22"},
		{"ssh|SSH://host", "SSH://host"},
		{"ssh|ssh://host/path", "unknown"},
		{"ssh|ssh://host:0", "unknown"},
		{"ssh|ssh://host:65536", "unknown"},
		{"ssh|ssh://@host", "unknown"},
		{"ssh|ssh://u%00@host", "unknown"},
		{"ssh|ssh://u%4@host", "unknown"},
		{"ssh|ssh://", "unknown"},
		{"ssh|ssh://-host", "unknown"},
		{"ssh|ssh://[::1", "unknown"},
		{"ssh|@host", "unknown"},
		{"ssh|user@", "unknown"},
		{"ssh|", "unknown"},
		{"ssh", "unknown"},
		{"ssh|-V", "local"},
		{"ssh|-4Vz", "local"},
		{"ssh|-Q|key", "local"},
		{"ssh|-G|host", "local"},
		{"ssh|-O|check|host", "local"},
		{"ssh|host|-G", "local"},
	};

	(void)state;
	ASSERT_ALL("ssh", all);
}

static void options_stand_where_ssh_looks_for_them(void **state) {
	static const struct expectation all[] = {
		{"ssh|-l|me|host", "me@host"},
		{"ssh|-lme|host", "me@host"},
		{"ssh|host|-l|me", "me@host"},
		{"ssh|-l|me|you@host", "me@host"},
		{"ssh|you@host|-l|me", "you@host"},
		{"ssh|-l|me|-l|you|host", "me@host"},
		{"ssh|-4Anp|2222|host", "host:2222"},
		{"ssh|-4Anp2222|host", "host:2222"},
		{"ssh|-p|1|-p|2|ssh://host:3", "host:1"},
		{"ssh|host|-p|1|-N", "host:1"},
		{"ssh|host|-p|1|cmd|-p|2", "host:1"},
		{"ssh|host|cmd|-p|2", "host"},
		{"ssh|--|host|-p|2", "host"},
		{"ssh|-l|--|host|-p|2", "--@host"},
		{"ssh|host|--|-p|2", "host"},
		{"ssh|-p|-l|host", "unknown"},
		{"ssh|-L|-p|host", "host"},
		{"ssh|-p", "unknown"},
		{"ssh|host|-p", "unknown"},
		{"ssh|-p|ssh|host", "unknown"},
		{"ssh|-p|0|host", "unknown"},
		{"ssh|-p|+2|host", "unknown"},
		{"ssh|-z|host", "unknown"},
		{"ssh|host|-z", "unknown"},
		{"ssh|-4z|host", "unknown"},
		{"ssh|-:|host", "unknown"},
		{"ssh|-4-|host", "unknown"},
		{"ssh|--help|host", "unknown"},
		{"ssh|-1|host", "unknown"},
		{"ssh|-", "-"},
		{"ssh|-|host", "-"},
	};

	(void)state;
	ASSERT_ALL("ssh", all);
}

static void dash_o_says_what_matters(void **state) {
	static const struct expectation all[] = {
		{"ssh|-oUser=me|host", "me@host"},
		{"ssh|-o|user me|host", "me@host"},
		{"ssh|-o| \tUSER\t=  me |you@host", "me@host"},
		{"ssh|-oUser=me|-l|you|host", "me@host"},
		{"ssh|-l|you|-oUser=me|host", "you@host"},
		{"ssh|host|-oPort=7", "host:7"},
		{"ssh|-oPort=7|-p|8|host", "host:7"},
		{"ssh|-oHostName=%h.x|-oHostName=y|host", "host name=%h.x"},
		{"ssh|-oHostKeyAlias=a|host", "host alias=a"},
		{"ssh|-oControlPath=~/.ssh/%r@%h:%p|host", "host control=~/.ssh/%r@%h:%p"},
		{"ssh|-S|/a|-oControlPath=/b|-S|/c|host", "host control=/c"},
		{"ssh|-oBatchMode=yes|-oSendEnv=\"A B\"|host", "host"},
		{"ssh|-oUser=\"me\"|host", "unknown"},
		{"ssh|-oUser=m\\e|host", "unknown"},
		{"ssh|-oUser=me you|host", "unknown"},
		{"ssh|-oUser=%u|host", "unknown"},
		{"ssh|-oUser=${USER}|host", "unknown"},
		{"ssh|-oUser==me|host", "unknown"},
		{"ssh|-oUser\"me\"|host", "unknown"},
		{"ssh|-o\"User\" me|host", "unknown"},
		{"ssh|-oUser=|host", "unknown"},
		{"ssh|-oPort=ssh|host", "unknown"},
		{"ssh|-oInclude=/x|host", "unknown"},
		{"ssh|-oMatch host x|host", "unknown"},
		{"ssh|-oHost=x|host", "unknown"},
		{"ssh|-o||host", "unknown"},
	};

	(void)state;
	ASSERT_ALL("ssh", all);
}

static void jumps_are_told_in_their_order(void **state) {
	static const struct expectation all[] = {
		{"ssh|-J|one|host", "host via one"},
		{"ssh|-Jme@one:3,[::1]:4,ssh://u@two:5|host",
	         "host via me@one:3 via ::1:4 via u@two:5"},
		{"ssh|-oProxyJump=one|-oProxyJump=two|host", "host via one"},
		{"ssh|-oProxyJump=none|-oProxyJump=two|host", "host"},
		{"ssh|-J|none|host", "host"},
		{"ssh|-oProxyCommand=nc %h 22|-oProxyJump=two|host", "host by command"},
		{"ssh|-oProxyJump=one|-oProxyCommand=nc|host", "host via one"},
		{"ssh|-oProxyCommand=none|host", "host"},
		{"ssh|-J|one|-J|two|host", "unknown"},
		{"ssh|-oProxyCommand=nc|-J|one|host", "unknown"},
		{"ssh|-J|one,|host", "unknown"},
		{"ssh|-J||host", "unknown"},
		{"ssh|-J|::1|host", "unknown"},
		{"ssh|-J|[::1|host", "unknown"},
		{"ssh|-J|[::1]x|host", "unknown"},
		{"ssh|-J|a/b|host", "unknown"},
		{"ssh|-J|@a|host", "unknown"},
		{"ssh|-J|1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17|host", "unknown"},
		/* What ssh runs itself to get to the host behind a jump. */
		{"ssh|-l|me|-p|3|-W|[host]:22|one", "me@one:3"},
	};

	(void)state;
	ASSERT_ALL("ssh", all);
}

static void git_says_what_it_does(void **state) {
	static const struct expectation all[] = {
		{"ssh|git@host|git-receive-pack 'a/b.git'", "git@host push=a/b.git"},
		{"ssh|-o|SendEnv=GIT_PROTOCOL|-p|2|git@host|git-upload-pack 'x'",
	         "git@host:2 fetch=x"},
		{"ssh|host|git-upload-archive '/srv/it'\\''s'\\!''", "host archive=/srv/it's!"},
		{"ssh|host|/opt/git/bin/git-upload-pack 'x y'", "host fetch=x y"},
		{"ssh|host|git-upload-pack 'x' ", "host"},
		{"ssh|host|git-upload-pack 'x'; id", "host"},
		{"ssh|host|git-upload-pack 'x", "host"},
		{"ssh|host|git-upload-pack 'x'\\''", "host"},
		{"ssh|host|git-upload-pack 'x'\\x'y'", "host"},
		{"ssh|host|git-upload-pack ''", "host"},
		{"ssh|host|git-upload-pack x", "host"},
		{"ssh|host|git-upload-pack", "host"},
		{"ssh|host|git-upload-pack ", "host"},
		{"ssh|host|git-upload-pack|'x'", "host"},
		{"ssh|host|$(id)/git-upload-pack 'x'", "host"},
		{"ssh|host|git-upload-packs 'x'", "host"},
		{"ssh|-s|host|git-upload-pack 'x'", "host"},
		{"ssh|host|id", "host"},
		{"ssh|host|", "host"},
	};

	(void)state;
	ASSERT_ALL("ssh", all);
}

static void a_repository_has_a_longest_name(void **state) {
	char command[GIT_REPO_LEN_MAX + 100] = "ssh|host|git-upload-pack '";
	size_t len = strlen(command);

	(void)state;
	memset(command + len, 'a', GIT_REPO_LEN_MAX - 2);
	strcpy(command + len + GIT_REPO_LEN_MAX - 2, "'");
	for (int i = 0; i < 2; i++) {
		struct ssh_argv ssh = read_as("ssh", command);

		assert_int_equal(ssh.state, SSH_ARGV_HOST);
		assert_int_equal(ssh.git_operation, i == 0 ? GIT_FETCH : GIT_NONE);
		ssh_argv_deinit(&ssh);
		strcpy(command + strlen(command) - 1, "a'");
	}
}

static void a_master_names_its_socket(void **state) {
	static const struct expectation all[] = {
		{"ssh: /home/me/.ssh/cm-me@host [mux]", "master control=/home/me/.ssh/cm-me@host"},
		{"ssh: /a b [mux]|||", "master control=/a b"},
		{"ssh: /a [mux]|host", "unknown"},
		{"ssh: /a [mu", "unknown"},
		{"ssh:  [mux]", "unknown"},
		{"ssh: [mux]", "unknown"},
	};

	(void)state;
	ASSERT_ALL("ssh", all);
}

static void scp_and_sftp_name_one_host(void **state) {
	static const struct expectation scp[] = {
		{"scp|file|me@host:", "me@host"},
		{"scp|-P|7|-r|host:a|host:b|.", "host:7"},
		{"scp|-l|100|file|[::1]:x", "::1"},
		{"scp|file|me@[::1]:x", "me@::1"},
		{"scp|-3|one:a|two:b", "unknown"},
		{"scp|me@one:a|you@one:b|.", "unknown"},
		{"scp|scp://me@host:7/a|.", "me@host:7"},
		{"scp|-J|one|-oUser=you|file|me@host:", "you@host via one"},
		{"scp|./a:b|/c", "local"},
		{"scp|a|b", "local"},
		{"scp|:a|host:b", "host"},
		{"scp|-t|/x", "local"},
		{"scp|-S|/bin/other|a|host:b", "unknown"},
		{"scp|a", "unknown"},
		{"scp|-z|a|host:b", "unknown"},
		{"scp|-P|x|a|host:b", "unknown"},
		{"scp|a|@:b", "unknown"},
	};
	static const struct expectation sftp[] = {
		{"sftp|me@host", "me@host"},
		{"sftp|-P|7|me@host:dir", "me@host:7"},
		{"sftp|-b|-|sftp://me@host:7/a", "me@host:7"},
		{"sftp|-D|/usr/lib/sftp-server", "local"},
		{"sftp", "unknown"},
		{"sftp|a|b|c", "unknown"},
	};

	(void)state;
	ASSERT_ALL("scp", scp);
	ASSERT_ALL("sftp", sftp);
	/* What these, rsync, mosh and git were seen to run. */
	static const struct expectation children[] = {
		{"/usr/bin/ssh|-x|-oPermitLocalCommand=no|-oClearAllForwardings=yes|"
	         "-oRemoteCommand=none|-oRequestTTY=no|-oForwardAgent=no|-l|me|-s|--|host|sftp",
	         "me@host"},
		{"/usr/bin/ssh|-oForwardX11 no|-oPermitLocalCommand no|-oClearAllForwardings yes|"
	         "-l|me|-oPort 7|-s|--|host|sftp",
	         "me@host:7"},
		{"../ssh|-l|me|host|rsync|--server|-logDtpre.iLsfxCIvu|.|x", "me@host"},
		{"ssh|-n|-tt|-S|none|-o|ProxyCommand='/usr/bin/mosh' '--family=prefer-inet' "
	         "--fake-proxy -- %h %p|me@host|--|mosh-server 'new' '-c' '8' '-s'",
	         "me@host by command control=none"},
		{"ssh|-o|SendEnv=GIT_PROTOCOL|-p|22|git@host|"
	         "git-upload-pack '/it'\\''s'\\!'.git'",
	         "git@host:22 fetch=/it's!.git"},
		{"ssh|-o|SendEnv=GIT_PROTOCOL|git@host|git-upload-archive 'a/b'",
	         "git@host archive=a/b"},
	};
	ASSERT_ALL("ssh", children);
}

static void rsync_and_mosh_name_one_host(void **state) {
	static const struct expectation rsync[] = {
		{"rsync|-a|dir|me@host:dir", "me@host"},
		{"rsync|-avz|--delete|--exclude|a:b|host:dir|.", "host"},
		{"rsync|-a|-e|ssh -p 2222 -l me|host:dir|.", "me@host:2222"},
		{"rsync|-ae/usr/bin/ssh|host:dir|.", "host"},
		{"rsync|--rsh=ssh  -J one|host:dir|.", "host via one"},
		{"rsync|host:a|host:b|.|--rsh|ssh -4", "host"},
		{"rsync|-e|ssh -o 'User me'|host:a|.", "unknown"},
		{"rsync|-e|other|host:a|.", "unknown"},
		{"rsync|-e|ssh -p|host:a|.", "unknown"},
		{"rsync|--unheard-of|host:a|.", "unknown"},
		{"rsync|--unheard-of=1|host:a|.", "unknown"},
		{"rsync|-aZ|host:a|.", "unknown"},
		{"rsync|one:a|two:b|.", "unknown"},
		{"rsync|-e", "unknown"},
		{"rsync|a@b@host:a|.", "unknown"},
		{"rsync|[::1]:a|.", "unknown"},
		{"rsync|a|b", "local"},
		{"rsync|host::module/a|.", "local"},
		{"rsync|rsync://host/a|.", "local"},
		{"rsync|-e|ssh|host::module/a|.", "unknown"},
		{"rsync|--|-host:a|.", "unknown"},
		{"rsync", "unknown"},
	};
	static const struct expectation perl[] = {
		{"perl|/usr/bin/mosh|me@host", "me@host"},
		{"/usr/bin/perl|/usr/bin/mosh|--ssh=ssh -p 7|-4|-p|60001|host|--|tmux|-l",
	         "host:7"},
		{"perl|/usr/bin/mosh|--ssh|ssh -p 7|host", "unknown"},
		{"perl|/usr/bin/mosh|host|-n", "unknown"},
		{"perl|/usr/bin/mosh|-p", "unknown"},
		{"perl|/usr/bin/mosh", "unknown"},
		{"perl|/usr/bin/other|host", "other"},
		{"perl", "other"},
	};
	static const struct expectation client[] = {
		{"mosh-client|-# me@host ||10.0.0.1|60001", "unknown"},
		{"mosh-client|-# me@host|10.0.0.1|60001", "10.0.0.1"},
		{"mosh-client|10.0.0.1|60001", "10.0.0.1"},
		{"mosh-client|-c", "unknown"},
		{"mosh-client", "unknown"},
	};

	(void)state;
	ASSERT_ALL("rsync", rsync);
	ASSERT_ALL("perl", perl);
	ASSERT_ALL("mosh-client", client);
}

static void another_program_is_no_ssh(void **state) {
	static const struct expectation all[] = {{"ssh|host", "other"}};

	(void)state;
	ASSERT_ALL("git", all);
	ASSERT_ALL("ssh-add", all);
	ASSERT_ALL("", all);
}

static void of_arguments_that_are_cut_nothing_is_said(void **state) {
	const char *const argv[] = {"ssh", "host"};
	struct ssh_argv ssh;

	(void)state;
	assert_int_equal(ssh_argv_read(&ssh, "ssh", argv, 2, true), 0);
	assert_int_equal(ssh.state, SSH_ARGV_UNKNOWN);
	assert_null(ssh.destination.host);
	assert_int_equal(ssh_argv_read(&ssh, "ssh", argv, 0, false), 0);
	assert_int_equal(ssh.state, SSH_ARGV_UNKNOWN);
}

/* Every letter of ssh's usage, with its argument where it says that it takes one. */
static void every_option_of_the_usage_is_known(void **state) {
	static const char flags[] = "46AaCfgKkMNnqsTtvXxYy";
	static const char arguments[] = "BbcDEeFIiLmoPRSWw";
	char text[64];

	(void)state;
	for (const char *flag = flags; *flag != '\0'; flag++) {
		snprintf(text, sizeof(text), "ssh|-%c%c|host", *flag, *flag);
		const struct expectation one = {text, "host"};

		assert_all("ssh", &one, 1);
	}
	for (const char *letter = arguments; *letter != '\0'; letter++) {
		const char *argument = *letter == 'o' ? "BatchMode=yes" : "argument";
		const char *expected = *letter == 'S' ? "host control=argument" : "host";

		snprintf(text, sizeof(text), "ssh|-4%c|%s|host", *letter, argument);
		assert_all("ssh", &(struct expectation){text, expected}, 1);
		snprintf(text, sizeof(text), "ssh|-%c%s|host", *letter, argument);
		assert_all("ssh", &(struct expectation){text, expected}, 1);
	}
}

/* --- side by side with ssh -G -------------------------------------------------------------------
 */

struct judgement {
	bool accepted;
	char host[256], user[256], port[16], control[256], alias[256], jump[256];
};

static void take_value(char *ret, size_t size, const char *line, const char *name) {
	size_t len = strlen(name);

	if (strncmp(line, name, len) == 0 && line[len] == ' ')
		snprintf(ret, size, "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
}

static void judgement_line(struct judgement *judgement, const char *line) {
	take_value(judgement->host, sizeof(judgement->host), line, "host");
	take_value(judgement->user, sizeof(judgement->user), line, "user");
	take_value(judgement->port, sizeof(judgement->port), line, "port");
	take_value(judgement->control, sizeof(judgement->control), line, "controlpath");
	take_value(judgement->alias, sizeof(judgement->alias), line, "hostkeyalias");
	take_value(judgement->jump, sizeof(judgement->jump), line, "proxyjump");
}

/* "ssh|..." as ssh itself reads it. */
static struct judgement ask_ssh(const char *text) {
	struct judgement judgement = {0};
	char command[2048] = "ssh -F none -G", line[8192];
	struct line words;
	FILE *pipe;

	line_split(&words, text);
	for (size_t i = 1; i < words.count; i++) {
		assert_null(strchr(words.words[i], '\''));
		sprintf(command + strlen(command), " '%s'", words.words[i]);
	}
	free(words.text);
	strcat(command, " 2>/dev/null </dev/null");
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe) != NULL)
		judgement_line(&judgement, line);
	judgement.accepted = pclose(pipe) == 0;
	return judgement;
}

static void assert_agrees(const char *text, const struct ssh_argv *ours,
                          const struct judgement *theirs, const char *own_user) {
	const char *user = ours->destination.user != NULL ? ours->destination.user : own_user;
	unsigned port = ours->destination.port != 0 ? ours->destination.port : 22;
	size_t jumps = theirs->jump[0] != '\0' ? 1 : 0;

	for (const char *at = theirs->jump; *at != '\0'; at++)
		jumps += *at == ',';
	if (strcmp(ours->destination.host, theirs->host) != 0 || strcmp(user, theirs->user) != 0 ||
	    port != strtoul(theirs->port, NULL, 10) || ours->n_jumps != jumps ||
	    strcmp(ours->control_path != NULL ? ours->control_path : "", theirs->control) != 0 ||
	    strcmp(ours->host_key_alias != NULL ? ours->host_key_alias : "", theirs->alias) != 0)
		fail_msg("%s: ssh goes to %s@%s:%s via %s", text, theirs->user, theirs->host,
		         theirs->port, theirs->jump);
}

#define ROUNDS 120

static void what_is_said_is_what_ssh_says(void **state) {
	static const char *const words[] = {
		"-l",
		"bob",
		"-lbob",
		"-p",
		"2222",
		"-p2222",
		"-oUser=al",
		"-o",
		"Port=7",
		"user x",
		"-4",
		"-vvT",
		"-4p",
		"99",
		"-J",
		"j1,k@j2:3",
		"-Jj",
		"-S",
		"/s",
		"-oHostName=hn",
		"-oHostKeyAlias=ali",
		"host",
		"host",
		"u@host",
		"a@b@c",
		"ssh://u@h:5",
		"--",
		"-",
		"-t",
		"cmd",
		"-oProxyCommand=x",
		"-oPort=0",
		"-oport 8",
		"-z",
		"::1",
		"ssh://h/p",
		"-D5",
		"-Xn",
		"-oControlPath=/c",
		"-oProxyJump=none",
		"-oProxyJump=p",
		"--foo",
		"-4-",
		"-q",
		"-x",
		"-F",
		"none",
		"ssh://v%2Bw@h/",
		"-oUser=\"q\"",
		"-W",
		"h:1",
	};
	struct judgement own = ask_ssh("ssh|host");
	size_t accepted = 0, told = 0;

	(void)state;
	assert_true(own.accepted);
	srandom(4);
	for (int round = 0; round < ROUNDS; round++) {
		char text[1024] = "ssh";
		struct judgement theirs;
		struct ssh_argv ours;

		for (long left = 1 + random() % 6; left > 0; left--)
			strcat(strcat(text, "|"),
			       words[(size_t)random() % (sizeof(words) / sizeof(*words))]);
		if (round % 2 == 0) /* else most name no host */
			strcat(text, "|last");
		theirs = ask_ssh(text);
		ours = read_as("ssh", text);
		if (theirs.accepted) {
			accepted++;
			if (ours.state != SSH_ARGV_UNKNOWN) {
				told++;
				assert_int_equal(ours.state, SSH_ARGV_HOST);
				assert_agrees(text, &ours, &theirs, own.user);
			}
		}
		ssh_argv_deinit(&ours);
	}
	assert_true(accepted > ROUNDS / 4);
	assert_true(told * 10 > accepted * 8); /* unknown is the exception */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssh_names_its_destination),
		cmocka_unit_test(options_stand_where_ssh_looks_for_them),
		cmocka_unit_test(dash_o_says_what_matters),
		cmocka_unit_test(jumps_are_told_in_their_order),
		cmocka_unit_test(git_says_what_it_does),
		cmocka_unit_test(a_repository_has_a_longest_name),
		cmocka_unit_test(a_master_names_its_socket),
		cmocka_unit_test(scp_and_sftp_name_one_host),
		cmocka_unit_test(rsync_and_mosh_name_one_host),
		cmocka_unit_test(another_program_is_no_ssh),
		cmocka_unit_test(of_arguments_that_are_cut_nothing_is_said),
		cmocka_unit_test(every_option_of_the_usage_is_known),
		cmocka_unit_test(what_is_said_is_what_ssh_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
