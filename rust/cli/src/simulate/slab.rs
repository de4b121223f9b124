//! A store whose places are numbered and used again.

/// Things with numbers that are given out again.
pub struct Slab<T> {
    things: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub fn new() -> Slab<T> {
        Slab {
            things: Vec::new(),
            free: Vec::new(),
        }
    }

    pub fn put(&mut self, thing: T) -> u32 {
        match self.free.pop() {
            Some(n) => {
                self.things[n as usize] = Some(thing);
                n
            }
            None => {
                self.things.push(Some(thing));
                (self.things.len() - 1) as u32
            }
        }
    }

    pub fn take(&mut self, n: u32) -> Option<T> {
        let thing = self.things.get_mut(n as usize)?.take();
        if thing.is_some() {
            self.free.push(n);
        }
        thing
    }

    pub fn get(&mut self, n: u32) -> Option<&mut T> {
        self.things.get_mut(n as usize)?.as_mut()
    }
}
