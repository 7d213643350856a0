#include "caller/reader_child.h"

#include <errno.h>
#include <unistd.h>

#include "base/cursor.h"
#include "platform/child.h"

#define REQUEST_LEN_SIZE 64 /* above what a request has, so that a longer one is noticed */

void reader_request_encode(struct buffer *buffer, uint64_t id, const struct peer *peer) {
	buffer_put_u64(buffer, id);
	buffer_put_u32(buffer, (uint32_t)peer->pid);
	buffer_put_u32(buffer, peer->uid);
	buffer_put_u32(buffer, peer->gid);
	buffer_put_u32(buffer, peer->connection.inode);
	buffer_put_u64(buffer, peer->connection.cookie);
}

int reader_request_decode(struct reader_request *ret, struct bytes bytes) {
	struct cursor cursor = cursor_over(bytes);
	struct reader_request request = {.peer = {.known = true, .pidfd = -1}};
	uint32_t pid;

	request.id = cursor_u64(&cursor);
	pid = cursor_u32(&cursor);
	request.peer.uid = cursor_u32(&cursor);
	request.peer.gid = cursor_u32(&cursor);
	request.peer.connection.inode = cursor_u32(&cursor);
	request.peer.connection.cookie = cursor_u64(&cursor);
	if (cursor_finish(&cursor) < 0 || pid == 0 || pid > INT32_MAX)
		return -EBADMSG;
	request.peer.pid = (pid_t)pid;
	*ret = request;
	return 0;
}

static int answer(const struct view *view, struct kin *kin, const struct env_names *names,
                  const struct reader_request *request) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct caller *caller;
	int error = caller_read_with(&caller, view, kin, &request->peer, names);

	if (error < 0)
		error = caller_new_unknown(&caller, &request->peer, "caller-unreadable");
	if (error < 0)
		return error;
	buffer_put_u64(&buffer, request->id);
	caller_encode(&buffer, caller);
	caller_free(caller);
	if (buffer_error(&buffer) < 0)
		return buffer_error(&buffer);
	return platform_send_message(CHILD_CHANNEL_FD, buffer_bytes(&buffer));
}

_Noreturn void reader_child_run(int fd, pid_t parent, const struct env_names *names) {
	struct view *view;
	struct kin *kin;

	if (child_begin(fd, parent) < 0 || view_new(&view) < 0 || kin_new(&kin, view) < 0 ||
	    child_limit(CHILD_LOOKS_ONLY) < 0)
		_exit(1);
	for (;;) {
		uint8_t buffer[REQUEST_LEN_SIZE];
		struct reader_request request;
		size_t len = 0;
		int error = platform_receive_message(&len, CHILD_CHANNEL_FD, buffer, sizeof(buffer));

		if (error == -EINTR)
			continue;
		if (error == 0 && len == 0)
			_exit(0);
		if (error < 0 ||
		    reader_request_decode(&request, (struct bytes){buffer, len}) < 0 ||
		    answer(view, kin, names, &request) < 0)
			_exit(1);
	}
}
