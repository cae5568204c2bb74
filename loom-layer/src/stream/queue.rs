//! A queue that usually holds one element, and then allocates nothing.

use std::collections::VecDeque;

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queue<T> {
    /// The front. Only an empty queue has none.
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn push_back(&mut self, element: T) {
        if self.first.is_none() {
            self.first = Some(element);
        } else {
            self.rest.push_back(element);
        }
    }

    pub(super) fn push_front(&mut self, element: T) {
        if let Some(second) = self.first.replace(element) {
            self.rest.push_front(second);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    /// Puts all elements of another queue behind these.
    pub(super) fn append(&mut self, mut other: Self) {
        if let Some(first) = other.first.take() {
            self.push_back(first);
            self.rest.append(&mut other.rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out() {
        let mut queue = Queue::default();
        assert_eq!(queue.pop_front(), None);
        for number in 1..4 {
            queue.push_back(number);
        }
        queue.push_front(0);
        let mut more = Queue::default();
        more.push_back(4);
        more.push_back(5);
        queue.append(more);
        assert_eq!(
            queue.iter().copied().collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5]
        );
        for number in 0..6 {
            assert_eq!(queue.front_mut().copied(), Some(number));
            assert_eq!(queue.pop_front(), Some(number));
        }
        assert!(queue.is_empty());
    }
}
