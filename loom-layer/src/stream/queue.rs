//! A queue that usually holds one element, and then allocates nothing.

use std::collections::VecDeque;

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct Queue<T> {
    /// The front. Only an empty queue has none.
    first: Option<T>,
    /// What is behind it; made when there is a second element.
    #[expect(
        clippy::box_collection,
        reason = "seldom made, and moved with every queue: a pointer is smaller than an empty deque"
    )]
    rest: Option<Box<VecDeque<T>>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }
}

impl<T: PartialEq> PartialEq for Queue<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Queue<T> {}

impl<T> Queue<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn push_back(&mut self, element: T) {
        if self.first.is_none() {
            self.first = Some(element);
        } else {
            self.rest.get_or_insert_default().push_back(element);
        }
    }

    pub(super) fn push_front(&mut self, element: T) {
        if let Some(second) = self.first.replace(element) {
            self.rest.get_or_insert_default().push_front(second);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        let second = self.rest.as_mut().and_then(|rest| rest.pop_front());
        std::mem::replace(&mut self.first, second)
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let rest = self.rest.as_deref().into_iter().flatten();
        self.first.iter().chain(rest)
    }

    /// Puts all elements of another queue behind these.
    pub(super) fn append(&mut self, mut other: Self) {
        if self.first.is_none() {
            *self = other;
        } else if let Some(first) = other.first.take() {
            self.push_back(first);
            if let (Some(rest), Some(other)) = (&mut self.rest, &mut other.rest) {
                rest.append(other);
            }
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
