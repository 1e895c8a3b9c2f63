from mriloop.api import check_array as check_array
from mriloop.api import check_file as check_file
from mriloop.api import check_folder as check_folder

__version__: str
