"""Looks at pages without downloading: asked for here, answered by workers (`running`), kept for a short while.

Web processes ask and wait; they never read a page themselves, so `running`, which loads the engine, is not loaded here.
"""

from jobs.extraction.asking import answer, answer_of, ask, queued_for, withdraw
from jobs.extraction.reuse import known_info

__all__ = ["answer", "answer_of", "ask", "known_info", "queued_for", "withdraw"]
