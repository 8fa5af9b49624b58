// What library.py asks of the processor.

#include "processor.h"

// How many floats its widest registers hold.
extern "C" int lanes_of_this_processor() { return lanes_of_processor(); }
