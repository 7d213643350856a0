/* What is typed, as ncurses tells it, and what it is called here. */
#ifndef MONITOR_INPUT_H
#define MONITOR_INPUT_H

#include "monitor/model.h"

/* code: of ncurses' getch(). */
enum key input_key(int code);

#endif
