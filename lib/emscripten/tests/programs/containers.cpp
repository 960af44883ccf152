// The C++ library: streams and containers.
#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

int main() {
  std::map<std::string, std::vector<int>> found;
  for (int at = 0; at < 20; at++) found[at % 3 ? "other" : "third"].push_back(at * at);
  for (auto &[name, values] : found) {
    std::sort(values.rbegin(), values.rend());
    std::cout << name << ":";
    for (int value : values) std::cout << ' ' << value;
    std::cout << std::endl;
  }
  std::istringstream in("1 2.5 words");
  int whole; double part; std::string word;
  in >> whole >> part >> word;
  std::cout << whole + part << word.substr(1, 3) << std::hex << 255 << '\n';
  std::cerr << "done" << std::endl;
}
