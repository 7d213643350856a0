/* monitor: what waits, what holds and what happened, on a terminal, as it changes. This file is its
 * loop: keys and signals in, pages out; what they mean is monitor/model's. */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/control.h"
#include "base/clock.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/monitor_answer.h"
#include "cmd/options.h"
#include "cmd/terminal.h"
#include "monitor/feed.h"
#include "monitor/inquiry.h"
#include "monitor/model.h"
#include "monitor/page.h"
#include "monitor/view.h"
#include "platform/platform.h"

#define DRAW_S 0.03 /* what changes in a burst is drawn once */

static const char help[] =
	"usage: ssh-agent-guard monitor [--listen PATH] [--state-dir PATH]\n"
	"\n"
	"Shows, on the whole terminal and as it changes: the requests that wait for your yes, "
	"with\n"
	"the time that is left for each; what was confirmed and holds for a while; what happened\n"
	"last; and the state of the guard. Where none runs, it waits for one. Keys:\n"
	"\n"
	"  up, down, k, j  choose a request, or a grant\n"
	"  Tab             go to the other of these lists\n"
	"  a               say yes to the chosen request, with your PIN, which is asked for\n"
	"  d               say no to it\n"
	"  r               take the chosen grant back\n"
	"  ?               help\n"
	"  q, Ctrl-C       quit; what waits goes on waiting\n"
	"\n"
	"  --listen PATH     the socket of the guard that is meant, where it is not the ordinary "
	"one\n"
	"  --state-dir PATH  where its events are, if not in the ordinary place\n";

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"state-dir", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* Those that end it, and those that do not. */
enum { ON_INT, ON_TERM, ON_HUP, ON_QUIT, ON_STOP, ON_CONTINUE, ON_RESIZE, SIGNALS };
static const int signal_numbers[SIGNALS] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                            SIGTSTP, SIGCONT, SIGWINCH};

struct monitor {
	struct options options;
	struct ev_loop *loop;
	struct model model;
	struct view *view;
	struct feed *feed;
	struct answer answer;
	struct inquiry deed; /* what a key has the guard do */
	struct act doing;
	ev_io typed;
	ev_timer draw;
	ev_signal signals[SIGNALS];
	struct sigaction interrupt; /* ours, while it is ignored */
	bool draw_all;
	int ended_by; /* a signal; 0: none */
};

/* ---- drawing ---- */

/* Only once it was drawn: a terminal may take its time. */
static void take_down_what_was_seen(struct model *model, const struct page *page) {
	uint64_t now_ns = clock_mono_ns();

	for (size_t i = 0; i < page->rows; i++)
		if (page->lines[i].id != 0)
			model_was_drawn(model, page->lines[i].pane, page->lines[i].id, now_ns);
}

static void draw_now(struct monitor *monitor) {
	struct page page;
	size_t rows, columns;

	ev_timer_stop(monitor->loop, &monitor->draw);
	view_size(monitor->view, &rows, &columns);
	if (page_compose(&page, &monitor->model, rows, columns, clock_mono_ns()) < 0)
		return; /* what stands there is true of a moment ago */
	view_draw(monitor->view, &page, monitor->draw_all);
	monitor->draw_all = false;
	take_down_what_was_seen(&monitor->model, &page);
	page_deinit(&page);
}

static void draw_soon(struct monitor *monitor) {
	if (!ev_is_active(&monitor->draw))
		ev_timer_start(monitor->loop, &monitor->draw);
}

static void on_draw(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	draw_now(watcher->data);
}

/* ---- the keyboard, which is the answer's while a PIN is typed ---- */

static bool is_lent(const struct monitor *monitor) {
	return monitor->model.dialog.stage == DIALOG_OPENING ||
	       monitor->model.dialog.stage == DIALOG_ASKING;
}

/* Ctrl-C is then for the process that asks. That it was pressed must not be told to us afterwards,
 * either. */
static void lend_or_take_keyboard(struct monitor *monitor) {
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	bool lends = is_lent(monitor);

	if (lends != ev_is_active(&monitor->typed))
		return;
	if (lends) {
		sigaction(SIGINT, &ignore, &monitor->interrupt);
		ev_io_stop(monitor->loop, &monitor->typed);
		return;
	}
	sigaction(SIGINT, &monitor->interrupt, NULL);
	view_restore_mode(monitor->view);
	ev_io_start(monitor->loop, &monitor->typed);
}

static void on_answer_changed(void *data) {
	lend_or_take_keyboard(data);
	draw_soon(data);
}

static void on_answer_ended(void *data) {
	struct monitor *monitor = data;

	model_close_dialog(&monitor->model, false, clock_mono_ns());
	lend_or_take_keyboard(monitor);
	feed_ask(monitor->feed);
	draw_soon(monitor);
}

static void break_answer_off(struct monitor *monitor, bool is_void) {
	answer_break_off(&monitor->answer);
	model_close_dialog(&monitor->model, is_void, clock_mono_ns());
	lend_or_take_keyboard(monitor);
}

static void on_model_changed(void *data) {
	struct monitor *monitor = data;

	/* Our own yes ends a request, too. */
	answer_look(&monitor->answer);
	lend_or_take_keyboard(monitor);
	if (model_dialog_is_void(&monitor->model))
		break_answer_off(monitor, true);
	draw_soon(monitor);
}

/* ---- what a key has done ---- */

static void on_deed_answered(void *data, int result, struct bytes answer) {
	struct monitor *monitor = data;
	bool denies = monitor->doing.kind == ACT_DENY;
	char words[64];

	snprintf(words, sizeof(words), "%s %llu: ", denies ? "request" : "grant",
	         (unsigned long long)monitor->doing.id);
	if (result < 0)
		answer = bytes_of_text(strerror(-result));
	else if (result == 0)
		answer = bytes_of_text(denies ? "denied" : "taken back");
	model_say(&monitor->model, words, answer);
	feed_ask(monitor->feed);
	draw_soon(monitor);
}

static void begin_deed(struct monitor *monitor, struct act act) {
	char request[64];
	int error;

	if (inquiry_is_open(&monitor->deed)) {
		model_say(&monitor->model, "the guard has not answered yet", (struct bytes){0});
		return;
	}
	monitor->doing = act;
	snprintf(request, sizeof(request), "%s %llu",
	         act.kind == ACT_DENY ? "deny" : "grants revoke", (unsigned long long)act.id);
	error = inquiry_begin(&monitor->deed, monitor->options.places.control, request);
	if (error < 0)
		on_deed_answered(monitor, error, (struct bytes){0});
}

static void begin_answer(struct monitor *monitor, uint64_t id) {
	int error = answer_begin(&monitor->answer, &monitor->options, id);

	if (error < 0)
		model_say(&monitor->model,
		          "the PIN cannot be asked for: ", bytes_of_text(strerror(-error)));
	/* What else was typed was for nothing that was seen. */
	view_drop_typed(monitor->view);
	lend_or_take_keyboard(monitor);
}

static void act(struct monitor *monitor, struct act act) {
	switch (act.kind) {
	case ACT_NONE: break;
	case ACT_QUIT: ev_break(monitor->loop, EVBREAK_ALL); break;
	case ACT_REDRAW: monitor->draw_all = true; break;
	case ACT_ALLOW: begin_answer(monitor, act.id); break;
	case ACT_DENY:
	case ACT_REVOKE: begin_deed(monitor, act); break;
	}
}

static void on_typed(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct monitor *monitor = watcher->data;
	enum key key;

	(void)revents;
	if (view_is_gone(monitor->view)) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	while (!is_lent(monitor) && view_key(monitor->view, &key))
		act(monitor, model_key(&monitor->model, key, clock_mono_ns()));
	draw_now(monitor);
}

/* ---- signals ---- */

static void resume(struct monitor *monitor) {
	view_enter(monitor->view);
	monitor->draw_all = true;
	draw_now(monitor);
}

/* A PIN that is half typed is void: nobody knows who types when it goes on. */
static void stop(struct monitor *monitor) {
	ev_signal *stopped = &monitor->signals[ON_STOP];

	if (is_lent(monitor))
		break_answer_off(monitor, false);
	view_leave(monitor->view);
	ev_signal_stop(monitor->loop, stopped);
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	ev_signal_start(monitor->loop, stopped);
	resume(monitor);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents) {
	struct monitor *monitor = watcher->data;

	(void)revents;
	switch (watcher->signum) {
	case SIGWINCH:
		view_resized(monitor->view);
		monitor->draw_all = true;
		draw_soon(monitor);
		break;
	case SIGTSTP: stop(monitor); break;
	case SIGCONT: resume(monitor); break;
	default: monitor->ended_by = watcher->signum; ev_break(loop, EVBREAK_ALL);
	}
}

/* ---- from first to last ---- */

static bool take_operands(char **operands) {
	if (operands[0] == NULL)
		return true;
	diag_error("monitor: does not know what to do with %s (see `ssh-agent-guard monitor "
	           "--help`)",
	           operands[0]);
	return false;
}

static enum options_result parse(struct options *options, int argc, char **argv) {
	int option;

	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0)
		switch (option) {
		case 'l': options->listen = optarg; break;
		case 's': options->state = optarg; break;
		case 'h': return OPTIONS_HELP;
		default:
			diag_error("%s: %s (see `ssh-agent-guard monitor --help`)",
			           argv[optind - 1],
			           option == ':' ? "needs a value" : "unknown option");
			return OPTIONS_WRONG;
		}
	return take_operands(argv + optind) && options_resolve(options) ? OPTIONS_RUN
	                                                                : OPTIONS_WRONG;
}

static int say_no_view(int error) {
	const char *kind = getenv("TERM");

	if (error == -ENOTTY)
		diag_error("monitor: needs a terminal (for programs: `ssh-agent-guard status` and "
		           "`ssh-agent-guard log --follow`)");
	else if (error == -ENODEV)
		diag_error("monitor: nothing is known of this kind of terminal (TERM=%s)",
		           kind != NULL ? kind : "");
	else
		diag_error("monitor: %s", strerror(-error));
	return error == -ENOTTY ? EXIT_USAGE : EXIT_FAILED;
}

static void watch(struct monitor *monitor) {
	ev_io_init(&monitor->typed, on_typed, STDIN_FILENO, EV_READ);
	ev_timer_init(&monitor->draw, on_draw, DRAW_S, 0.);
	monitor->typed.data = monitor->draw.data = monitor;
	ev_io_start(monitor->loop, &monitor->typed);
	/* After ncurses, which has handlers of its own. */
	for (int i = 0; i < SIGNALS; i++) {
		ev_signal_init(&monitor->signals[i], on_signal, signal_numbers[i]);
		monitor->signals[i].data = monitor;
		ev_signal_start(monitor->loop, &monitor->signals[i]);
	}
}

static int run(struct monitor *monitor) {
	const struct feed_places places = {monitor->options.places.control,
	                                   monitor->options.places.state};
	const struct answer_calls calls = {on_answer_changed, on_answer_ended, monitor};
	int error;

	inquiry_init(&monitor->deed, monitor->loop, on_deed_answered, monitor);
	answer_init(&monitor->answer, monitor->loop, &monitor->model, &calls);
	watch(monitor);
	model_set_absent(&monitor->model, "looking for the guard");
	draw_now(monitor);
	error = feed_new(&monitor->feed, monitor->loop, &places, &monitor->model, on_model_changed,
	                 monitor);
	if (error == 0)
		ev_run(monitor->loop, 0);
	answer_break_off(&monitor->answer);
	return error;
}

static void monitor_deinit(struct monitor *monitor) {
	view_close(monitor->view);
	monitor->view = NULL;
	feed_free(monitor->feed);
	inquiry_deinit(&monitor->deed);
	model_deinit(&monitor->model);
	options_deinit(&monitor->options);
	if (monitor->loop != NULL)
		ev_loop_destroy(monitor->loop);
	monitor->loop = NULL;
}

static int open_and_run(struct monitor *monitor) {
	int error;

	setlocale(LC_CTYPE, "");
	tzset();
	monitor->model.utf8 = terminal_expects_utf8();
	/* Who answers is a process of its own; nobody is to choose in this one what it is for. */
	error = platform_harden_process();
	if (error < 0) {
		diag_error("monitor: this process cannot be closed to tracing: %s",
		           strerror(-error));
		return EXIT_FAILED;
	}
	/* Terminals can be watched by all of them; a few descriptors do with this one. */
	monitor->loop = ev_loop_new(EVBACKEND_SELECT);
	error = monitor->loop != NULL ? view_open(&monitor->view, terminal_wants_colour())
	                              : -ENOMEM;
	if (error < 0)
		return say_no_view(error);
	error = run(monitor);
	view_close(monitor->view);
	monitor->view = NULL;
	if (error < 0)
		diag_error("monitor: %s", strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_monitor(int argc, char **argv) {
	struct monitor monitor = {0};
	int status = EXIT_USAGE;

	switch (parse(&monitor.options, argc, argv)) {
	case OPTIONS_RUN: status = open_and_run(&monitor); break;
	case OPTIONS_HELP:
		fputs(help, stdout);
		status = EXIT_DONE;
		break;
	case OPTIONS_WRONG: break;
	}
	monitor_deinit(&monitor);
	if (monitor.ended_by != 0) {
		signal(monitor.ended_by, SIG_DFL);
		raise(monitor.ended_by);
	}
	return status;
}
