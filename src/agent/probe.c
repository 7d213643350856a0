#include "agent/probe.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "wire/message.h"
#include "wire/probe_bind.h"

#define PROBE_ANSWER_S 30. /* each; as for all that no person is asked for */

struct probe {
	struct upstream_link *link;
	struct buffer message; /* the one on its way */
	bool good;             /* its host has signed it */
	probe_done *done;
	void *data;
};

static void probe_ask(struct probe *probe, bool good);

static void on_answer(void *data, int error, struct bytes answer) {
	struct probe *probe = data;
	bool accepted = error == 0 && answer.data[0] == AGENT_SUCCESS;

	if (error < 0)
		probe->done(probe->data, error);
	else if (accepted != probe->good)
		probe->done(probe->data, -ENOTSUP);
	else if (probe->good)
		probe_ask(probe, false);
	else
		probe->done(probe->data, 0);
}

static void probe_ask(struct probe *probe, bool good) {
	int error;

	probe->good = good;
	buffer_clear(&probe->message);
	error = probe_bind_put(&probe->message, good);
	if (error < 0)
		probe->done(probe->data, error);
	else
		upstream_link_request(probe->link, buffer_bytes(&probe->message), PROBE_ANSWER_S,
		                      on_answer, probe);
}

int probe_new(struct probe **ret, struct ev_loop *loop, struct upstream_address *address) {
	struct probe *probe = calloc(1, sizeof(*probe));
	int error = probe == NULL ? -ENOMEM : upstream_link_new(&probe->link, loop, address);

	if (error < 0) {
		free(probe);
		return error;
	}
	*ret = probe;
	return 0;
}

void probe_start(struct probe *probe, probe_done *done, void *data) {
	probe->done = done;
	probe->data = data;
	probe_ask(probe, true);
}

void probe_free(struct probe *probe) {
	if (probe == NULL)
		return;
	upstream_link_free(probe->link);
	buffer_deinit(&probe->message);
	free(probe);
}
