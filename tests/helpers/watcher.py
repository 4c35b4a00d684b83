"""A kws.listen.session.View that remembers what it was shown."""


class Watcher:
    def __init__(self):
        self.rows, self.found, self.notes, self.seen = 0, [], [], []

    def hops(self, hops):
        self.rows += len(hops)

    def hit(self, hit):
        self.found.append(hit)

    def note(self, message):
        self.notes.append(message)

    def status(self, status):
        self.seen.append(status)
