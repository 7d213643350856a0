/* That each call is answered once, however early its answer comes. */
#include "agent/control.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

struct desk {
	struct control *control;
	char directory[32], path[64];
	uint64_t call; /* of the last one */
};

static enum control_result on_call(void *data, const struct control_call *call,
                                   struct buffer *answer) {
	struct desk *desk = data;

	desk->call = call->id;
	if (strcmp(call->request, "later") == 0)
		return CONTROL_LATER;
	if (strcmp(call->request, "at once") == 0) {
		buffer_put_raw(answer, bytes_of_text("at once"));
		return CONTROL_OK;
	}
	control_answer(desk->control, call->id, CONTROL_OK, bytes_of_text("early"));
	control_answer(desk->control, call->id, CONTROL_FAILED, bytes_of_text("twice"));
	/* As one that does not know, or as one that does not care. */
	return strcmp(call->request, "early") == 0 ? CONTROL_LATER : CONTROL_FAILED;
}

static int ask(const struct desk *desk, const char *line) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, desk->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	return fd;
}

/* All that is said until the end of the connection. */
static void assert_told(int fd, const char *text) {
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	char told[64] = "";
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, told + len, sizeof(told) - 1 - len, MSG_DONTWAIT)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else
			ev_run(loop, EVRUN_ONCE);
	}
	assert_string_equal(told, text);
	close(fd);
}

static void an_answer_may_come_before_at_or_after_the_end_of_its_handler(void **state) {
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	struct desk desk = {.directory = "/tmp/control-XXXXXX"};
	int fd;

	(void)state;
	assert_non_null(mkdtemp(desk.directory));
	snprintf(desk.path, sizeof(desk.path), "%s/socket", desk.directory);
	assert_int_equal(control_new(&desk.control, loop, desk.path, on_call, &desk), 0);
	assert_told(ask(&desk, "at once\n"), "ok\nat once");
	assert_told(ask(&desk, "early\n"), "ok\nearly");
	assert_told(ask(&desk, "early, and denied\n"), "ok\nearly");
	desk.call = 0;
	fd = ask(&desk, "later\n");
	while (desk.call == 0)
		ev_run(loop, EVRUN_ONCE);
	control_answer(desk.control, desk.call, CONTROL_FAILED, bytes_of_text("later"));
	assert_told(fd, "failed\nlater");
	control_free(desk.control);
	rmdir(desk.directory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_may_come_before_at_or_after_the_end_of_its_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
