"""What the activities of campaigns do: the audience, the batches, the end. The workflows say when.

The rows are the memory: who is settled is not taken up again, whatever is repeated, and in whatever worker.
"""
