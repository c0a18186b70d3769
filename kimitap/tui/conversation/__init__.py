"""The main screen: sessions and threads, the conversation, and what there is to say of a row."""
