"""One exchange from all sides: messages, JSON, wire, headers, prompt, timings."""
