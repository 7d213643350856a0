#include "monitor/input.h"

#include <curses.h>

#define CTRL_L 0x0c

enum key input_key(int code) {
	switch (code) {
	case KEY_UP:
	case 'k': return KEY_PRESSED_UP;
	case KEY_DOWN:
	case 'j': return KEY_PRESSED_DOWN;
	case '\t':
	case KEY_BTAB: return KEY_PRESSED_TAB;
	case KEY_ENTER:
	case '\r':
	case '\n': return KEY_PRESSED_ENTER;
	case 'a': return KEY_PRESSED_ALLOW;
	case 'd': return KEY_PRESSED_DENY;
	case 'r': return KEY_PRESSED_REVOKE;
	case '?': return KEY_PRESSED_HELP;
	case CTRL_L: return KEY_PRESSED_REDRAW;
	case 'q': return KEY_PRESSED_QUIT;
	default: return KEY_NONE;
	}
}
