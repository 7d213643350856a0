/* What a described request says of the caller's surroundings, and of the clock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "describe/part.h"
#include "describe/slot.h"
#include "policy/hours.h"

int part_read_tmux_window(struct target *target, struct reading *reading, const char *name,
                          const struct yaml_node *value) {
	return slot_copy(&target->described->caller->tmux_window, reading, name, value);
}

int part_settle_tmux_window(struct target *target) {
	return part_settle_text(&target->described->caller->tmux_window, "");
}

static int set_env(struct caller *caller, const struct buffer *joined) {
	int error = buffer_error(joined);

	if (error == 0 && caller->env == NULL)
		error = argv_split(&caller->env, &caller->n_env, buffer_bytes(joined));
	return error;
}

/* A map of NAME: VALUE; the value may be "". */
int part_read_env(struct target *target, struct reading *reading, const char *name,
                  const struct yaml_node *value) {
	CLEANUP(buffer_deinit) struct buffer joined = {0};

	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_MAP) {
		REPORT(reading, value, "%s: not a map; write NAME: VALUE", name);
		return 0;
	}
	for (const struct yaml_node *key = value->first; key != NULL; key = key->next->next) {
		const char *text = slot_text(reading, name, key->next);

		if (key->kind != TREE_TEXT || text == NULL)
			continue;
		buffer_put_raw(&joined, bytes_of_text(key->text));
		buffer_put_u8(&joined, '=');
		buffer_put_raw(&joined, bytes_of_text(text));
		buffer_put_u8(&joined, '\0');
	}
	return set_env(target->described->caller, &joined);
}

int part_settle_env(struct target *target) {
	return set_env(target->described->caller, &(struct buffer){0});
}

int part_read_uid(struct target *target, struct reading *reading, const char *name,
                  const struct yaml_node *value) {
	char *end = NULL;
	unsigned long long uid = 0;

	if (value->kind == TREE_TEXT && value->text[0] >= '0' && value->text[0] <= '9')
		uid = strtoull(value->text, &end, 10);
	if (end == NULL || *end != '\0' || uid >= (uid_t)-1)
		REPORT(reading, value, "%s: no number of a user; id -u prints it", name);
	else
		target->described->caller->uid = (uid_t)uid;
	return 0;
}

int part_read_user_presence(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	unsigned presence = PRESENCE_UNKNOWN;

	part_read_word(&presence, reading, name, value, word_of_user_presence, PRESENCE_LOCKED + 1);
	target->described->caller->presence = (enum presence)presence;
	target->described->states_presence = true;
	return 0;
}

/* Somebody sits there. */
int part_settle_user_presence(struct target *target) {
	if (!target->described->states_presence)
		target->described->caller->presence = PRESENCE_LOCAL;
	return 0;
}

int part_read_is_in_container(struct target *target, struct reading *reading, const char *name,
                              const struct yaml_node *value) {
	enum tri is_in_container = TRI_NO;

	part_read_tri(&is_in_container, reading, name, value);
	if (is_in_container == TRI_YES)
		target->described->caller->apart |= APART_PID;
	return 0;
}

int part_settle_is_in_container(struct target *target) {
	target->described->caller->apart_unknown = 0;
	return 0;
}

int part_read_time(struct target *target, struct reading *reading, const char *name,
                   const struct yaml_node *value) {
	const char *text = read_text(reading, name, value);

	if (text != NULL && !hours_parse_moment(&target->described->request.time, text))
		REPORT(reading, value, "%s: %.60s: write a day and a time, as in Mon 09:30", name,
		       text);
	return 0;
}

/* An hour at which people work. */
int part_settle_time(struct target *target) {
	if (!target->described->request.time.known)
		target->described->request.time = (struct clock_moment){true, 0, 12 * 60};
	return 0;
}

int part_read_parent_process_name(struct target *target, struct reading *reading, const char *name,
                                  const struct yaml_node *value) {
	return slot_copy(&target->described->parent_name, reading, name, value);
}

/* Derived from the ancestors, unless it is stated; then it is the name of the nearest one. */
int part_settle_parent_process_name(struct target *target) {
	struct caller *caller = target->described->caller;
	char *name = target->described->parent_name;

	if (name == NULL)
		return 0;
	if (caller->ancestors == NULL) {
		caller->ancestors = calloc(1, sizeof(*caller->ancestors));
		if (caller->ancestors == NULL)
			return -ENOMEM;
	}
	if (caller->n_ancestors == 0)
		caller->n_ancestors = 1;
	free(caller->ancestors[0].name);
	caller->ancestors[0].name = name;
	target->described->parent_name = NULL;
	return 0;
}

int part_read_is_coding_agent(struct target *target, struct reading *reading, const char *name,
                              const struct yaml_node *value) {
	part_read_tri(&target->described->states_agent, reading, name, value);
	return 0;
}

int part_settle_is_coding_agent(struct target *target) {
	target->described->agent_is_unknown = false;
	return 0;
}

int part_read_coding_agent(struct target *target, struct reading *reading, const char *name,
                           const struct yaml_node *value) {
	return slot_copy(&target->described->agent_name, reading, name, value);
}

struct request described_request(const struct described *described, const struct policy *policy) {
	struct request request = described->request;
	const char *name = described->agent_name;
	bool stated = name != NULL ? *name != '\0' : described->states_agent == TRI_YES;

	if (described->agent_is_unknown)
		request.coding_agents = (struct coding_agents){0};
	else if (stated)
		request.coding_agents = (struct coding_agents){
			.complete = true,
			.count = 1,
			.items = {{.name = name != NULL ? name : ""}},
		};
	else if (name != NULL || described->states_agent == TRI_NO)
		request.coding_agents = (struct coding_agents){.complete = true};
	else
		request.coding_agents = policy_coding_agents(policy, &request);
	return request;
}
