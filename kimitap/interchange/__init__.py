"""Recordings for other tools, and other tools' records for a recording.

`outgoing` writes exchanges and turns as HAR, JSON lines, fine-tuning data and traces; `incoming`
reads HAR, JSON lines, claude-tap, kvprof and llama-server's prompt logs. mitmproxy's flow files are
the recorder's (`kimitap.recorder`), the only room that knows mitmproxy.
"""
